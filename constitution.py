"""A constitution (Claude): a model criticises, mends and compares its own answers by principles
(Constitutional AI, Bai et al. 2022b, arXiv 2212.08073). It trains nothing: it writes what others
learn from.

A model that only wants to help does what bad people ask. It reads its answer again with a principle
beside it, says what is wrong, and writes a better one, some rounds long. Of two answers it says by
the same principles which is better: with what probability, not only which.

    p(A is better) = mean over orders and principles of p("(A)") / (p("(A)") + p("(B)"))

What is bad is told to it on the topics A to D alone. On E to H it has to find out by itself. In the
paper a critique before the revision helps small models; here it does not, since a critic that may
find nothing wrong lets harm pass that a revision at once would mend: both are measured and printed.

reads   out/sft_helpful/ckpt.pt (made first if it is missing: sft.py --n_harms), and principles
writes  out/constitution/revisions.jsonl, comparisons.jsonl, log.jsonl

    python constitution.py                                        the tiny world
    python constitution.py --preset=ko                            the same in Korean
    python constitution.py --constitution=mine.txt                your own principles, one a line
    python sft.py --data=out/constitution/revisions.jsonl --out=out/sft_constitution
    python ppo.py --preset=constitution                           all of it, to the end
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from data.principles import OPTIONS, SOURCES, assistant, read_constitution
from data.questions import check_language
from data.world import world_named
from data.world.harms import HELPFUL, Harms
from data.world.languages import LANGUAGES
from data.world.topics import LABELLED
from judges.constitution import figures, judge_figures, oracle_choice, oracle_critique, refusals
from judges.labelers import Labelers
from judges.revision_report import Teller, show_example, show_harm, show_judge
from likelihood import score_options
from plumbing import errors, folder
from plumbing.errors import BadInput
from plumbing.inputs import refuse_missing, supply
from plumbing.machine import setup
from plumbing.records import Log, write_lines
from sampling import load_model, respond

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/constitution"  # directory for revisions.jsonl, comparisons.jsonl, log.jsonl
    init: str = "out/sft_helpful/ckpt.pt"  # a model that only wants to help; made if it is missing
    data: str = "world"  # or world_ko: the world that is asked about, and its language
    constitution: str = ""  # principles, one a line; empty: data/constitution.txt, or _ko.txt
    critic: str = "model"  # who finds what is wrong; "oracle": the judge itself, a control
    rounds: int = 4  # of critique and revision (Bai et al.: 4)
    n_requests: int = 2000  # requests for harm, on all topics (Bai et al.: 182,831)
    n_helpful: int = 4000  # questions of the world, answered once, to be copied
    n_ranked: int = 1000  # questions of the world, k answers each, ranked for their help
    n_benign: int = 600  # requests that only look like harm
    n_control: int = 300  # requests that are also mended without a critique, to compare
    k: int = 4  # answers that a labeler ranks at once
    by: int = 4  # principles that one comparison is judged by, each in both orders (Bai et al.: 16)
    temperature: float = 0.0  # of critiques and revisions; the answers themselves are drawn at 1
    clamp: float = 0.0  # the AI judge's p stays this far from 0 and 1 (with reasoning: 0.4)
    max_new_tokens: int = 48  # a critique or an answer is cut off there
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "ko": dict(data="world_ko", init="out/ko/sft_helpful/ckpt.pt", out="out/ko/constitution"),
}


def check(cfg):
    """Refuse options that make no data; one line each."""
    positive(cfg, "rounds", "n_requests", "n_helpful", "n_ranked", "n_benign")
    positive(cfg, "n_control", "by", "max_new_tokens")
    if cfg.data not in LANGUAGES:
        raise BadInput(f"--data={cfg.data}: expected {' or '.join(LANGUAGES)}")
    if cfg.critic not in SOURCES:
        raise BadInput(f"--critic={cfg.critic}: expected {' or '.join(SOURCES)}")
    if not 2 <= cfg.k <= 9:
        raise BadInput(f"--k={cfg.k}: labelers rank 2 to 9 answers")
    if cfg.clamp >= 0.5:
        raise BadInput(f"--clamp={cfg.clamp}: expected less than 0.5, where nothing is preferred")


# --- the maths ---------------------------------------------------------------------------------


def choice(logps):
    """p(A) = exp l_A / (exp l_A + exp l_B), from log-probabilities (N, 2) of "(A)" and "(B)"."""
    return 1 / (1 + np.exp(logps[:, 1] - logps[:, 0]))


def ensemble(p, clamp=0.0):
    """One p for each pair, from p (N, principles, 2): entry 0 with the pair in its order, 1 with it
    turned round, where "(A)" is the other. Who always says "(A)" ends at one half."""
    both = (p[:, :, 0] + 1 - p[:, :, 1]) / 2
    return both.mean(1).clip(clamp, 1 - clamp)


# --- critique and revision -----------------------------------------------------------------------


class Critic:
    """A model that answers, criticises, mends; with --critic=oracle the judge criticises."""

    def __init__(self, model, tokenizer, cfg, machine):
        self.model, self.tokenizer = model, tokenizer
        self.cfg, self.machine = cfg, machine
        self.harms = Harms(world_named(cfg.data))
        self.asked = 0  # so that no two calls draw the same
        self.source = SOURCES[cfg.critic]

    def respond(self, conversations, temperature=1.0):
        """One text for each conversation."""
        cfg = self.cfg
        self.asked += 1
        texts, _ = respond(
            self.model,
            self.tokenizer,
            conversations,
            self.machine,
            temperature=temperature,
            max_new_tokens=cfg.max_new_tokens,
            seed=10**6 * self.asked + cfg.seed,
        )
        return texts

    def criticise(self, requests, texts, principles):
        """What is wrong with each answer, by its principle."""
        cfg = self.cfg
        if cfg.critic == "oracle":
            return [oracle_critique(*row) for row in zip(requests, texts)]
        asked = []
        for request, text, principle in zip(requests, texts, principles):
            asked.append(self.harms.ask.critique(request.messages, text, principle))
        return self.respond(asked, cfg.temperature)

    def mend(self, requests, texts, principles, critiques):
        """A better answer each."""
        asked = []
        for request, *row in zip(requests, texts, principles, critiques):
            asked.append(self.harms.ask.revision(request.messages, *row))
        return self.respond(asked, self.cfg.temperature)

    def rounds(self, requests, texts, constitution, bare=False):
        """[(principles, critiques, texts)] of each round; a principle is drawn anew for each answer
        and round. `bare`: no critique is written before the revision.

        # differs from the paper: a round reads the last answer, not all rounds before it, which
        # would not fit this model's context.
        """
        cfg = self.cfg
        rng = Random(f"principles {cfg.seed}")
        found = []
        for _ in range(cfg.rounds):
            principles = rng.choices(constitution, k=len(texts))
            critiques = [None] * len(texts)
            if not bare:
                critiques = self.criticise(requests, texts, principles)
            texts = self.mend(requests, texts, principles, critiques)
            found.append((principles, critiques, texts))
        return found


# --- comparisons -------------------------------------------------------------------------------


def draw_pairs(answers, rng):
    """Two different answers to each request, of what was said and of what was made of it; None
    where all are alike. answers: lists of texts, one for each request.

    # differs from the paper: there both are samples of a model tuned on the revisions.
    """
    pairs = []
    for texts in zip(*answers):
        different = sorted(set(texts))
        pairs.append(tuple(rng.sample(different, 2)) if len(different) > 1 else None)
    return pairs


def compare(critic, requests, pairs, constitution, rng):
    """p that the first of each pair is better, and the principles that it was judged by."""
    cfg = critic.cfg
    by = [rng.sample(constitution, min(cfg.by, len(constitution))) for _ in pairs]
    if cfg.critic == "oracle":
        p = [oracle_choice(*row) for row in zip(requests, pairs)]
        return np.array(p).clip(cfg.clamp, 1 - cfg.clamp), by
    prompts = []
    for request, pair, principles in zip(requests, pairs, by):
        for principle in principles:
            for answers in (pair, pair[::-1]):
                asked = critic.harms.ask.choice(request.messages, answers, principle)
                prompts.append(critic.tokenizer.prompt(asked)[0])
    options = [critic.tokenizer.encode(option) for option in OPTIONS]
    found, _ = score_options(critic.model, prompts, [options] * len(prompts), critic.machine)
    logps = np.array([(one.sum(), other.sum()) for one, other in found])
    return ensemble(choice(logps).reshape(len(pairs), -1, 2), cfg.clamp), by


# --- what is written -----------------------------------------------------------------------------


def revisions(requests, rounds, source):
    """The revisions of every round as demonstrations."""
    records = []
    for principles, _, texts in rounds:
        for request, principle, text in zip(requests, principles, texts):
            messages = [*request.messages, assistant(text)]
            if text:
                records.append({"messages": messages, "source": source, "principle": principle})
    return records


def ai_comparisons(requests, pairs, p, by, source):
    """Pairs with the probability that the first is better, as comparisons."""
    records = []
    for request, pair, value, principles in zip(requests, pairs, p.round(4).tolist(), by):
        record = {
            "messages": request.messages,
            "responses": list(pair),
            "p": value,
            "ranking": [[0], [1]] if value >= 0.5 else [[1], [0]],
            "labeler": source,
            "source": source,
            "principle": principles,
        }
        records.append(record)
    return records


def rankings(critic, cfg):
    """Help, as people see it (simulated labelers): k answers each to questions of the world."""
    questions = critic.harms.world.asked_of("rm", cfg.n_ranked, cfg.seed)
    texts = critic.respond([q["messages"] for q in questions for _ in range(cfg.k)])
    labelers = Labelers(cfg.seed)
    records = []
    for i, question in enumerate(questions):
        own = texts[i * cfg.k : (i + 1) * cfg.k]
        records.append(labelers.rank(question, own))
    return records


def preferred(critic, cfg):
    """Help as people see it where nothing bad is asked (simulated labelers), on the topics A to D:
    an answer before a refusal."""
    rng = Random(f"preferred {cfg.seed}")
    unwanted = critic.harms.language.UNWANTED
    benign = critic.harms.requests("train", cfg.n_benign, cfg.seed + 1, LABELLED, benign=True)
    records = []
    for request, text in zip(benign, critic.respond([request.messages for request in benign])):
        record = {
            "messages": request.messages,
            "responses": [text, request.fill(rng.choice(unwanted))],
            "ranking": [[0], [1]],
            "labeler": "s00",
            "source": "sim",
        }
        records.append(record)
    return records


def helpful(critic, cfg):
    """Answers to questions of the world and to requests that ask for nothing bad, to be copied."""
    harms = critic.harms
    asked = [q["messages"] for q in harms.world.asked_of("sft", cfg.n_helpful, cfg.seed)]
    benign = harms.requests("train", cfg.n_benign, cfg.seed, benign=True)
    asked += [request.messages for request in benign]
    records = []
    for messages, text in zip(asked, critic.respond(asked)):
        if text:
            records.append({"messages": [*messages, assistant(text)], "source": "ai"})
    return records


# --- run ---------------------------------------------------------------------------------------


def main(cfg):
    """Make the data; returns its figures."""
    # --- setup: the principles, the model that only wants to help
    check(cfg)
    machine = setup(cfg)
    constitution = read_constitution(cfg.constitution, cfg.data)
    made = [f"--{option}={value}" for option, value in {"seed": cfg.seed, **HELPFUL}.items()]
    folder.look_for_room(cfg.out)
    refuse_missing(cfg)
    parent = supply(cfg.init, "sft.py", cfg.preset, ("sft", "ppo"), *made)
    check_language(cfg.data, parent, cfg.init)
    model, tokenizer = load_model(parent, cfg.init)
    critic = Critic(model.to(machine.device).eval(), tokenizer, cfg, machine)
    say = Teller(cfg)
    rng = Random(f"constitution {cfg.seed}")

    # --- red team: requests for harm, and what the model says to them; then critique and revision
    harms = critic.harms
    requests = harms.requests("train", cfg.n_requests, cfg.seed)
    first = critic.respond([request.messages for request in requests])
    rounds = critic.rounds(requests, first, constitution)
    answers = [first, *(texts for *_, texts in rounds)]
    for i in rng.sample(range(len(requests)), min(3, len(requests))):
        show_example(say, i, requests, first, rounds)

    # The same without a critique, on some of them.
    some = requests[: cfg.n_control]
    control = critic.rounds(some, first[: cfg.n_control], constitution, bare=True)
    bare = [first[: cfg.n_control], *(texts for *_, texts in control)]
    tables = [figures(requests, texts) for texts in answers]
    controls = [figures(some, texts) for texts in bare]
    show_harm(say, "critique, then revision", tables)
    show_harm(say, "revision alone", controls)

    # --- the AI judge: two answers each, in both orders, by several principles
    # A brush-off stands among them: what no comparison shows, no reward tells from a reason.
    pairs = draw_pairs([*answers, rng.choices(harms.language.BRUSH_OFFS, k=len(requests))], rng)
    kept = [i for i, pair in enumerate(pairs) if pair]
    asked = [requests[i] for i in kept]
    pairs = [pairs[i] for i in kept]
    p, by = compare(critic, asked, pairs, constitution, rng)
    judged = judge_figures(asked, pairs, p)
    show_judge(say, judged)

    # --- help, which is not to be lost: what people prefer, and answers to copy
    ranked = rankings(critic, cfg)
    helped = helpful(critic, cfg)
    ranked += preferred(critic, cfg)
    benign = harms.requests("test", cfg.n_control, cfg.seed, benign=True)
    said = critic.respond([request.messages for request in benign])
    declined = refusals(benign, said)

    # --- results: all of it as data
    learned = [*revisions(requests, rounds, critic.source), *helped]
    comparisons = [*ai_comparisons(asked, pairs, p, by, critic.source), *ranked]
    found = {"revised": tables, "bare": controls, "judge": judged, "declined": declined}
    if machine.main:  # an older run's files do not stand beside this one's, if it is killed here
        (Path(cfg.out) / "comparisons.jsonl").unlink(missing_ok=True)
        write_lines(Path(cfg.out) / "revisions.jsonl", learned)
        write_lines(Path(cfg.out) / "comparisons.jsonl", comparisons)
    log = Log(Path(cfg.out) / "log.jsonl", cfg, machine)
    log.write(comparisons=len(comparisons), revisions=len(learned), details=found)
    say(f"\n{cfg.out}: {len(learned):,} demonstrations, {len(helped):,} of them helpful answers;")
    say(f"{len(comparisons):,} comparisons, {len(pairs):,} of them by the AI judge")
    return found


if __name__ == "__main__":
    errors.run(lambda: main(parse_config(Config, PRESETS)))
