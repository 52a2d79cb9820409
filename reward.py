"""Step 2, the reward model: learn what people prefer from their rankings (InstructGPT, 3.5, RM).

The fine-tuned network with one number beside its words. It reads a question and an answer and says
how good the answer is. People rank K answers to a question; every pair of them is a comparison.

    r(x, y) = s(x, y) + α/√N · Σ_t log p(y_t | x, y_<t)

The scalar s learns manners; the words know what is true. InstructGPT takes the words off (α = 0).

reads   out/sft/ckpt.pt (made first if it is missing) and simulated labelers' rankings of answers
        that it samples, or --data=FILE with people's comparisons
writes  out/reward/ckpt.pt, last.pt (for --resume), comparisons.jsonl, log.jsonl

    python reward.py                                     the tiny world
    python reward.py --data=comparisons.jsonl            people's comparisons (data/preferences.py)
    python reward.py --loss=regression                   predict 1-7 ratings instead of ranking
    python reward.py --alpha=0 --matrix_lr=0.007         InstructGPT's scalar, at its better rate
    python reward.py --preset=hh --kinds=helpful         help alone; harmless alone; or both
"""

import math
from dataclasses import dataclass

from plumbing.config import check_options, fit_len, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch
import torch.nn.functional as F

import optim
from data import comparisons
from data.questions import check_asked, read_first, tell_idle
from data.world import world_named
from data.world.languages import LANGUAGES
from data.world.probes import LESSONS
from judges import agreement
from judges.diagnosis import by_kind, diagnose, judgeable, report, same_worded
from judges.exam import gold
from judges.rankings import world_comparisons
from judges.scores import read_answers, rescale, score_texts
from likelihood import answer_scores
from plumbing import errors, measure
from plumbing.batches import Batches
from plumbing.errors import BadInput
from plumbing.records import write_lines
from plumbing.run import Run
from sampling import lay_out, load_model

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/reward"  # directory for ckpt.pt, comparisons.jsonl, last.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the model to start from; made if it is missing
    data: str = "world"  # or world_ko: simulated labelers rank sampled answers; or files: a,b
    kind: str = ""  # of files that do not say: helpful or harmless, one for all or one for each
    kinds: str = ""  # helpful, harmless or both: what to learn from; empty: all, as it is
    harm_weight: float = 1.0  # λ of L_help + λ·L_harm (Bai et al. 2022a)
    clamp: str = ""  # least and most p of an AI's labels: 0.4,0.6 (Bai et al. 2022b)
    k: int = 4  # answers that a labeler ranks at once (InstructGPT, section 3.5: 4 to 9)
    n_prompts: int = 3000  # questions to rank answers for
    n_probes: int = 0  # and attacks on rules, ranked by how well they do what was asked
    n_eval: int = 390  # held-out questions of the world, K answers each
    loss: str = "ranking"  # InstructGPT eq. 1; or "regression": predict the 1-7 rating
    alpha: float = 0.5  # of the words' log p beside the scalar; 0: InstructGPT's scalar alone
    max_len: int = 512  # tokens of question and answer; a longer pair loses its left
    batch_size: int = 8  # questions of one step, with all pairs of each (InstructGPT: 64)
    grad_accum: int = 1  # forward-backward passes that make up one step
    checkpoint_activations: bool = False  # compute blocks again in the backward pass: less memory
    epochs: int = 1  # InstructGPT, App. C.2: more than one overfits
    steps: int = 0  # optimizer steps; 0: as many as the epochs need
    lr: float = 1e-3  # AdamW; then a cosine down to a tenth (InstructGPT, App. C.2)
    matrix_lr: float = 0.002  # Muon (0.007 suits --alpha=0); 0 hands the hidden matrices to AdamW
    eval_every: int = 50  # steps between validations and checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


PRESETS = {
    "tiny": {},
    "ko": dict(data="world_ko", init="out/ko/sft/ckpt.pt", out="out/ko/reward"),
    "hh": dict(  # help and harm, in the tiny world (judges/kinds.py)
        init="out/sft_probed/ckpt.pt",  # it complies with half of the attacks
        out="out/reward_hh",
        kinds="both",
        n_prompts=2000,
        n_probes=2000,
        alpha=0.0,  # the words know what is right, whichever kind is learned
        matrix_lr=0.007,
    ),
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt",
        out="out/reward_gpt2",
        alpha=0.0,  # InstructGPT's: what the words are worth is measured in the tiny world only
        max_len=1024,
        lr=1e-5,
        matrix_lr=0.0,
    ),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "grad_accum", "eval_every", "max_len", "epochs", "n_prompts")
    positive(cfg, "n_eval")
    if cfg.grad_accum > cfg.batch_size:
        raise BadInput(f"--grad_accum={cfg.grad_accum}: --batch_size has no so many questions")
    if cfg.loss not in ("ranking", "regression"):
        raise BadInput(f"--loss={cfg.loss}: expected ranking or regression")
    if not 2 <= cfg.k <= 9:
        raise BadInput(f"--k={cfg.k}: labelers rank 2 to 9 answers")
    comparisons.check_options(cfg.data, cfg.kind, cfg.kinds, cfg.clamp, cfg.n_probes)
    if cfg.loss == "regression" and (cfg.harm_weight != 1 or cfg.clamp):
        raise BadInput("--harm_weight and --clamp are of --loss=ranking")


# --- the maths ---------------------------------------------------------------------------------


def preferred(ranks, p=None):
    """ranks (N, K), 0 the best, −1 where there is no answer -> (N, K, K): 1 where i beats j.

    Ties beat nothing, in either direction, so they leave the loss. Of two answers p (N,) may say
    how likely the first is the better one: it beats the other by p, which beats it by 1 − p. NaN
    says that the ranks are sure.
    """
    present = ranks >= 0
    both = present[:, :, None] & present[:, None, :]
    wins = ((ranks[:, :, None] < ranks[:, None, :]) & both).float()
    if p is not None:
        wins[:, 0, 1] = torch.where(p.isnan(), wins[:, 0, 1], p)
        wins[:, 1, 0] = torch.where(p.isnan(), wins[:, 1, 0], 1 - p)
    return wins


def ranking_loss(scores, ranks, questions=None, p=None, weight=1.0):
    """L = −1/C(K,2) · Σ log σ(r(x, y_w) − r(x, y_l)) over the pairs of one question, then the mean
    over questions with a pair (InstructGPT eq. 1). scores and ranks (N, K) -> a scalar, 0 if there
    is none. Rank 0 is the best, equal ranks tie, −1 is no answer: neither makes a pair, and C(K,2)
    is the number of pairs that are left (`preferred` has them).

    All pairs of a question are one batch element, not K − 1 that would overfit (section 3.5).
    `questions`: of the whole batch how many have a pair, where these N are a part of it.

    p (N,), see `preferred`, makes of it −[p·log σ(d) + (1 − p)·log σ(−d)], d = r_0 − r_1 (Bai et
    al. 2022b). weight (N,): λ of harmless questions, in L_help + λ·L_harm (Bai et al. 2022a).
    """
    wins = preferred(ranks, p)  # (N, K, K)
    pairs = wins.sum((1, 2))  # (N,)
    difference = scores[:, :, None] - scores[:, None, :]
    per_question = -(F.logsigmoid(difference) * wins).sum((1, 2)) / pairs.clamp(min=1)
    if questions is None:
        questions = int((pairs > 0).sum())
    return (weight * per_question).sum() / max(1, questions)


def regression_loss(scores, ratings, count=None):
    """L = mean (r(x, y) − rating)², ratings (N, K) from 1 to 7 put on −1..1; NaN where there is
    none. `count`: how many ratings the whole batch has, where these are only a part of it."""
    present = ~ratings.isnan()
    target = (ratings.nan_to_num(4.0) - 4) / 3
    if count is None:
        count = int(present.sum())
    return (((scores - target) ** 2) * present).sum() / max(1, count)


def in_order(scores, ranks):
    """Share of the pairs that the scores order as the ranks do; a tie of the scores counts half.
    scores and ranks (N, K)."""
    wins = preferred(ranks)
    difference = scores[:, :, None] - scores[:, None, :]
    right = (difference > 0) + 0.5 * (difference == 0)
    return (right * wins).sum() / wins.sum().clamp(min=1)


# --- batches -----------------------------------------------------------------------------------


def load_comparisons(cfg, sft, tokenizer, machine):
    """Comparisons for training and for validation, of different questions."""
    rated = cfg.loss == "regression"
    if cfg.data in LANGUAGES:
        train_set, val_set = world_comparisons(sft, tokenizer, cfg, machine)
        agreement.tell_cut([*train_set, *val_set], tokenizer, cfg.max_len, cfg.data)
        agreement.check_decided(train_set, val_set, cfg.data, rated)
    else:
        tell_idle(cfg, "k", "n_prompts", "n_probes", "n_eval")
        records = comparisons.load(cfg.data, cfg.kind, cfg.clamp)
        agreement.tell_cut(records, tokenizer, cfg.max_len, cfg.data)
        train_set, val_set = agreement.split(records, cfg.seed, cfg.data, rated, cfg.kinds)
    comparisons.check_weight(train_set, cfg.harm_weight, cfg.data)
    return train_set, val_set


def get_labels(records, cfg, machine):
    """How sure the label of each question is and how much it weighs: p and λ (N,)."""
    p = comparisons.soft_labels(records)
    weight = comparisons.weights(records, cfg.harm_weight)
    return tuple(machine.put(torch.from_numpy(x)) for x in (p, weight))


def length(record):
    """How long a question is with the longest of its answers, in characters."""
    asked = sum(len(message["content"]) for message in record["messages"])
    return asked + max(len(text) for text in record["responses"])


def get_batch(records, tokenizer, cfg, machine):
    """Every answer of N questions in one right-padded batch.

    Returns tokens (N·K, T), the index of the last real token (N·K,), mask (N·K, T−1) of the answer,
    ranks (N, K) with −1 and ratings (N, K) with NaN where a question has fewer than K answers.
    """
    questions, answers, ranks = read_answers(records, tokenizer, cfg.max_len)
    tokens, mask, last = lay_out(questions, answers, tokenizer.pad)
    ratings = torch.full(ranks.shape, math.nan)
    for n, record in enumerate(records):
        for i, rating in enumerate(record.get("scores") or []):
            ratings[n, i] = math.nan if rating is None else rating
    return tuple(map(machine.put, (tokens, last, mask, ranks, ratings)))


# --- evaluation --------------------------------------------------------------------------------


def score_records(model, records, tokenizer, cfg, machine):
    """Scores of all answers: a list with one (K,) numpy array for each record."""
    asked = [record["messages"] for record in records for _ in record["responses"]]
    texts = [text for record in records for text in record["responses"]]
    scores = score_texts(model, tokenizer, asked, texts, machine, cfg.max_len)
    model.train()
    ends = np.cumsum([len(record["responses"]) for record in records])
    return np.split(scores, ends[:-1])


def evaluate(model, records, tokenizer, cfg, machine):
    """Accuracy and loss on held-out questions; of the world also against the hidden judge."""
    values = score_records(model, records, tokenizer, cfg, machine)
    result = agreement.held_out(records, values)
    if judgeable(records):
        result["judge_accuracy"] = agreement.accuracy(*agreement.pairs_of(records, values, gold))
    for kind, row in by_kind(records, values).items():
        result[f"{kind}_accuracy"] = row["labels"]
    return result


def normalise(model, references, samples):
    """Shift and scale the reward so that `references` score 0 on average and `samples` have unit
    spread.

    The loss knows differences only, so the level is free (InstructGPT, App. C.2, sets it so on the
    demonstrations); PPO's value clip and its penalty for not ending assume a unit scale (Ziegler
    2019).
    """
    gain = 1 / max(float(np.std(samples)), 1e-6)
    with torch.no_grad():
        model.scalar_head.bias.sub_(float(np.mean(references)))
    return rescale(model, gain)


# --- training ----------------------------------------------------------------------------------


def reference_scores(model, samples, tokenizer, cfg, machine):
    """What shall score 0: the demonstrations of the world, or, of a file, the sampled answers."""
    if cfg.data not in LANGUAGES:
        return samples
    records = []
    for demonstration in world_named(cfg.data).demonstrations(400, seed=cfg.seed):
        *question, said = demonstration["messages"]
        records.append({"messages": question, "ranking": [[0]], "responses": [said["content"]]})
    return np.concatenate(score_records(model, records, tokenizer, cfg, machine))


def train(cfg):
    """Train as `cfg` says; returns the metrics of the last validation."""
    # --- setup: rankings of answers; the questions of the held-out ones are never trained on
    check(cfg)
    run = Run(cfg, "reward")
    machine = run.machine
    made = [f"--seed={cfg.seed}"]  # where there is no SFT model yet
    if cfg.kinds and cfg.data == "world":
        made.append(f"--n_probes={LESSONS}")
    read_first(cfg, comparisons.load)
    parent = run.inherit("sft.py", ("sft", "pretrain"), *made)
    check_asked(cfg, parent)
    # The answers that are ranked are the fine-tuned model's own.
    sft, tokenizer = load_model(parent, cfg.init)
    sft = sft.to(machine.device)
    fit_len(cfg, sft.config)
    train_set, val_set = load_comparisons(cfg, sft, tokenizer, machine)
    val_set = run.held_out(train_set, val_set)

    # --- model: the fine-tuned network, one number beside its words
    # differs from the paper: InstructGPT takes the word head off (--alpha=0). It is what compares
    # an answer with what the model knows, and a scalar hardly learns that anew from rankings.
    head = "reward" if cfg.alpha else "scalar"
    model, _ = load_model(run.saved or parent, cfg.init, head=head, dropout=0.0)
    if cfg.alpha and not run.saved:
        model.alpha.fill_(cfg.alpha)
    if cfg.eval:  # on the scale that the loss was minimised on
        rescale(model, 1 / run.saved.get("gain", 1.0))
    model = machine.place(model)
    # Muon for the hidden matrices, AdamW for the rest; from here on the run can be resumed.
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, dtype=machine.dtype)
    run.begin(model, optimizers, parent["tokenizer"])
    network = machine.distribute(model)
    # An epoch: every question once, each with all of its answers.
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or cfg.epochs * per_epoch
    # Questions of similar length share a batch, so that little of it is padding.
    lengths = [length(record) for record in train_set]
    batches = Batches(len(train_set), cfg.batch_size, cfg.seed, lengths=lengths)
    if cfg.data in LANGUAGES and machine.main and not cfg.eval:
        run.log(comparisons=len(train_set))
        write_lines(run.out / "comparisons.jsonl", train_set)
    # One ranking of K answers holds up to K·(K − 1)/2 comparisons; ties are none.
    pairs = agreement.count_pairs(train_set)
    run.announce(
        f"{pairs:,} comparisons on {len(train_set):,} questions of {cfg.data} "
        f"({len(val_set)} held out), {steps} steps, {machine}"
    )

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the order of answers to questions never trained on.
        if run.due(step, cfg.eval_every) or run.due(step, per_epoch):
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            run.log(step=step, epoch=step / per_epoch, **metrics)
            run.say(measure.guesses(step, metrics))
            run.save(step, metrics, better=False)
        if step == steps:  # the last step only evaluates
            break

        # All processes draw the same batch of questions. The loss is divided by the questions with
        # a pair in all of it, so that the gradients of its parts add up to the batch's.
        batch = batches[step]
        questions = [train_set[i] for i in batch]

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss = 0.0
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            records = [train_set[i] for i in rows]
            tokens, last, mask, ranks, ratings = get_batch(records, tokenizer, cfg, machine)
            with machine.autocast():
                scores = answer_scores(network, tokens, last, mask).view(ranks.shape)  # (N, K)
            # All pairs of a question come from one pass of its answers.
            if cfg.loss == "ranking":
                labels = get_labels(records, cfg, machine)
                part = weight * ranking_loss(
                    scores, ranks, agreement.comparable(questions), *labels
                )
            else:
                part = weight * regression_loss(scores, ratings, agreement.rated(questions))
            machine.backward(part)
            loss += part.detach()

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps)
        norm = optim.step(optimizers, model, factor)

        run.progress(step, loss, norm)

    # --- results: the scale is set, and the model kept
    if machine.main and not cfg.eval:
        samples = np.concatenate(score_records(model, train_set[:400], tokenizer, cfg, machine))
        references = reference_scores(model, samples, tokenizer, cfg, machine)
        values = score_records(model, val_set, tokenizer, cfg, machine)
        details = diagnose(values, train_set, val_set)
        if cfg.data in LANGUAGES:
            details["same_worded"] = same_worded(model, sft, tokenizer, machine, data=cfg.data)
        # The loss leaves the level and the scale free; PPO counts on both.
        run.saver.fixed["gain"] = normalise(model, references, samples)
        run.log(step=steps, details=details)
        run.keep(steps, metrics)
        report(metrics, details)
    run.say(f"{run.name}: agrees with {metrics['val_accuracy']:.1%} of held-out labels")
    # Only now is the run whole, and what comes next may build on it.
    run.finish()
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
