"""Talk to a checkpoint in the terminal, word by word as it is written; compare checkpoints; label.

    python chat.py out/sft/ckpt.pt
    python chat.py out/sft/ckpt.pt --prompt="What colour is the tractor?" --greedy
    python chat.py out/pretrain/ckpt.pt --prompt="User: Hello.\\nBot:" --raw
    python chat.py out/sft_probed/ckpt.pt --best_of=8 --rules=out/rules/ckpt.pt --explain
    python chat.py out/sft_evidence/ckpt.pt --knowledge=facts.tsv      it looks up what it is asked
    python chat.py out/sft/ckpt.pt --prompts=questions.csv --answers=answers.jsonl
    python chat.py --compare --prompt="What colour is the tractor?"
    python chat.py --label                        rank answers, as InstructGPT's labelers did
    python chat.py --label --kind=harmful         which of two does more harm? as HH-RLHF's did
    python chat.py --probe                        try to have a rule broken, as Sparrow's people did
    python chat.py --web                          all of this in the browser

A fine-tuned model is asked in the chat template, a base model in the form of a transcript; `--raw`
continues the text as it stands. In a conversation, /reset forgets it and /quit ends. `--compare`
asks the base model, the fine-tuned one and PPO's the same, and shows what the reward model gives.
`--best_of` writes several answers and says the one that a reward model
(`--reward`) and a rule model (`--rules`) rate best; `--explain` shows all, and why.
`--label` writes out/labels/comparisons.jsonl, which `reward.py --data=FILE` learns from; `--probe`
writes out/labels/probes.jsonl, which `rules.py --data=FILE` learns from.
"""

import functools
import json
import re
import secrets
import sys
from dataclasses import dataclass

from plumbing.config import check_options, idle, parse_config, path_and_options, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__, path_and_options(sys.argv[1:])[1])

from data.knowledge import FILE, open_lookup, read_knowledge
from data.marks import read_rules
from data.questions import world_read
from data.world.languages import LANGUAGES
from desk.batch import answer_file
from desk.judges import open_judges
from desk.labelling import KINDS, Desk, check_labeler
from desk.probing import Probing, most_attacked, probe
from desk.shelf import Shelf, world_of
from desk.terminal import label, print_answer, print_piece
from desk.words import words
from insertion import Evidence, answering
from judges.rules import rank, tell
from plumbing import errors
from plumbing.console import text_of
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from sampling import answer, fit_one, open_checkpoint, recent


@dataclass
class Config:
    preset: str = "default"  # a named set of other defaults
    prompt: str = ""  # answer this and exit; \n in it is a line break
    prompts: str = ""  # a file of prompts to answer, in any format that is read here
    answers: str = ""  # where their answers go, JSON Lines; empty: onto the screen
    raw: bool = False  # continue the prompt as plain text, without a template
    compare: bool = False  # ask base, fine-tuned and PPO model the same
    label: bool = False  # rank answers of the fine-tuned model
    kind: str = ""  # with --label one question of two answers: which is more helpful, or harmful
    probe: bool = False  # try to have the model break a rule, and mark whether it did
    rules_file: str = ""  # rules to probe, a wording a line; empty: the tiny world's
    web: bool = False  # serve a page with all of this
    temperature: float = 0.8  # 1 samples from the model as it is, lower is safer
    top_k: int = 0  # keep only the k likeliest tokens; 0 keeps all
    top_p: float = 1.0  # keep the likeliest tokens that together reach this probability
    greedy: bool = False  # always the likeliest token
    best_of: int = 1  # answers to choose from, by --reward and --rules (Sparrow: 8)
    rules: str = ""  # a checkpoint of rules.py: answers that break no rule go first
    reward: str = ""  # a checkpoint of reward.py: answers that people prefer go first
    knowledge: str = ""  # facts to look up, for a model that searches; empty: data/knowledge.tsv
    explain: bool = False  # show all answers with their scores, and the rule most at risk
    max_new_tokens: int = 200  # an answer is cut off there
    seed: int = 0  # the same seed and the same words give the same answer; 0 draws a new one
    out: str = "out"  # where --compare, --label and --web look for */ckpt.pt
    data: str = ""  # prompts to label: "world" or a file; empty: what the model was tuned on
    labeler: str = ""  # who labels or probes in the terminal; empty: ask
    host: str = "127.0.0.1"  # who may open the page: this machine; 0.0.0.0 the network as well
    port: int = 8000  # of the page; 0 takes a free one
    device: str = "auto"
    dtype: str = "auto"


PRESETS = {"default": {}, "ko": dict(out="out/ko")}  # the chain in Korean


def check(cfg, path):
    """Refuse what makes no sense together."""
    positive(cfg, "max_new_tokens", "best_of")
    if cfg.top_p > 1:
        raise BadInput(f"--top_p={cfg.top_p}: expected a probability, 0 to 1")
    if cfg.web + cfg.compare + cfg.label + cfg.probe > 1:
        raise BadInput("--web, --compare, --label and --probe: one at a time")
    if cfg.answers and not cfg.prompts:
        raise BadInput("--answers is where the answers to --prompts=FILE go: name that file too")
    alone = cfg.prompt or cfg.raw or cfg.best_of > 1 or cfg.web or cfg.label or cfg.probe
    if cfg.prompts and (alone or cfg.compare or not path):
        raise BadInput("--prompts: python chat.py CKPT --prompts=FILE --answers=FILE, and no more")
    if cfg.rules_file and not (cfg.probe or cfg.web):
        raise BadInput("--rules_file holds rules to probe: add --probe or --web")
    if cfg.kind and not (cfg.label and cfg.kind in KINDS):
        raise BadInput(f"--kind={cfg.kind}: expected helpful or harmful, and --label")
    if "prompt" in getattr(cfg, "given", ()) and not (cfg.prompt.strip() or cfg.raw):
        raise BadInput("--prompt= holds no words; leave it out for a conversation")
    judged = bool(cfg.rules or cfg.reward)
    alike = cfg.greedy or 0 in (cfg.temperature, cfg.top_p) or cfg.top_k == 1
    if cfg.best_of > 1 and alike:
        raise BadInput(
            "--best_of chooses among sampled answers, and by the likeliest token all are one: "
            "leave out --greedy, and --temperature=0, --top_p=0 or --top_k=1"
        )
    if judged and cfg.best_of == 1:
        raise BadInput("--rules and --reward choose among sampled answers: add --best_of=8")
    other = cfg.raw or cfg.web or cfg.compare or cfg.label or cfg.probe
    if cfg.best_of > 1 and (not judged or other):
        raise BadInput("--best_of needs --rules or --reward to choose by, and a conversation")
    if cfg.explain and cfg.best_of == 1:
        raise BadInput("--explain tells of several answers: add --best_of=8")
    if path and (cfg.web or cfg.compare):
        raise BadInput(f"'{path}': --web and --compare find the checkpoints in --out={cfg.out}")
    if cfg.greedy:
        idle(cfg, "with --greedy", "temperature", "top_k", "top_p")
    if not cfg.web:
        idle(cfg, "without --web", "host", "port")
    if not (cfg.web or cfg.compare or cfg.label or cfg.probe):
        idle(cfg, "with one checkpoint, whose path tells all", "out", "preset")
    if cfg.label:
        idle(cfg, "with --label: what is judged looks nothing up", "knowledge")
    if not (cfg.label or cfg.probe):
        idle(cfg, "without --label or --probe", "labeler")
    if not (cfg.label or cfg.web):
        idle(cfg, "without --label or --web", "data")
    if cfg.web or cfg.label or cfg.probe:
        idle(cfg, "with --web, --label or --probe", "prompt")
    if cfg.web or cfg.compare or cfg.label or cfg.probe:
        idle(cfg, "but with a prompt for one checkpoint", "raw")
    if not (path or cfg.web or cfg.compare or cfg.label or cfg.probe):
        raise BadInput("which checkpoint? For example: python chat.py out/sft/ckpt.pt")


def settings(cfg):
    """How the command line wants tokens drawn."""
    temperature = 0.0 if cfg.greedy else cfg.temperature
    return {"temperature": temperature, "top_k": cfg.top_k, "top_p": cfg.top_p}


def typed(mark, world="", *commands):
    """What is typed in, line by line, until /quit or the end of input. A terminal shows what is
    typed after the mark; what comes from a pipe nobody sees, so it is printed with its mark. A slip
    of one of the `commands` is told, in the language of the world, and asked of no model."""
    by_hand = sys.stdin.isatty()
    while True:
        try:
            page = sys.stdin.encoding or "utf-8"
            line = text_of(input(mark if by_hand else ""), page).strip()
        except EOFError:
            return
        except UnicodeError:
            raise BadInput(
                f"what was typed is not text in {page}; set PYTHONIOENCODING, or send UTF-8"
            ) from None
        if line == "/quit":
            return
        if line and not by_hand:
            print(mark + line)
        if re.fullmatch("/[A-Za-z]+", line) and line not in commands:
            print(words(world)("no_command", line=line, known=", ".join([*commands, "/quit"])))
        elif line:
            yield line


# --- talk ----------------------------------------------------------------------------------------


def say(shelf, loaded, ids, stop, cfg, turn=0):
    """Print the continuation of `ids` as it is sampled; returns its message."""
    ids, limit = fit_one(loaded.model.config, ids, cfg.max_new_tokens)
    seed = cfg.seed + turn if cfg.seed else 0
    return print_answer(shelf.speak(loaded, ids, stop, limit, seed, **settings(cfg)))


def say_best(judges, loaded, messages, shelf, cfg, turn=0):
    """Write --best_of answers, print the one that is rated best; with --explain all of them, and
    why. Of a model that searches half of them begin with a search and half do without (Sparrow's 4
    and 4). Returns its message."""
    machine = shelf.machine
    shown = messages[recent(loaded, messages)[2] :] or messages[-1:]
    seed = cfg.seed + turn if cfg.seed else secrets.randbits(32)
    draws = {"seed": seed, **settings(cfg)}
    asked = [shown] * cfg.best_of
    if loaded.tokenizer.evidence:
        half = cfg.best_of // 2
        lookups = [shelf.lookup] * half + [None] * (cfg.best_of - half)
        draws["evidence"] = Evidence(loaded.tokenizer, lookups, begin=True)
    network = loaded.model, loaded.tokenizer
    _, _, texts, ended = answer(*network, asked, machine, loaded.chat, cfg.max_new_tokens, **draws)
    ranked = rank(shown, texts, ended, machine, **judges)
    pieces = [(None, text, part) for part, text in answering(ranked[0]["text"]).items()]
    message = print_answer(pieces[1:])
    for row in ranked if cfg.explain else ():
        print(f"       {tell(row)}: {row['text']}")
    return message


def say_once(shelf, loaded, prompt, cfg):
    """Answer one prompt, or with --raw continue it."""
    if cfg.best_of > 1:
        messages = [{"role": "user", "content": prompt}]
        judges = open_judges(cfg.reward, cfg.rules, loaded, shelf.machine)
        say_best(judges, loaded, messages, shelf, cfg)
        return
    if cfg.raw:
        end = loaded.tokenizer.endoftext
        ids, stop = [end, *loaded.tokenizer.encode(prompt)], [end]
    else:
        messages = [{"role": "user", "content": prompt}]
        ids, stop = loaded.tokenizer.prompt(messages, loaded.chat)
    say(shelf, loaded, ids, stop, cfg)


def answer_all(shelf, loaded, cfg):
    """Answer a file of prompts; without --answers print the lines."""
    draws = {"limit": cfg.max_new_tokens, "seed": cfg.seed, **settings(cfg)}
    found = answer_file(shelf, loaded, cfg.prompts, cfg.answers, **draws)
    for row in [] if cfg.answers else found:
        print(json.dumps(row, ensure_ascii=False))
    if cfg.answers:
        ended = sum(row["ended"] for row in found)
        print(f"{cfg.answers}: {len(found):,} answers, {ended:,} of them ended by themselves")


def talk(shelf, loaded, cfg):
    """A conversation on standard input; the model sees as many turns as it was trained on."""
    size = sum(p.numel() for p in loaded.model.parameters())
    world = world_of(loaded.checkpoint)
    t = words(world)
    stage = loaded.stage + loaded.unfinished
    print(t("talk", name=loaded.name, stage=stage, size=size))
    if world and loaded.chat:
        print(t("try") + "   ".join(LANGUAGES[world].SUGGESTED))
    judges = open_judges(cfg.reward, cfg.rules, loaded, shelf.machine)
    messages, turn, told = [], 0, False
    for line in typed(t("you"), world, "/reset"):
        if line == "/reset":
            messages, told = [], False
            print(t("forgotten"))
            continue
        messages.append({"role": "user", "content": line})
        ids, stop, forgotten = recent(loaded, messages)
        if forgotten and not told:
            told = True
            size = loaded.model.config.block_size
            print(t("cut", size=size))
        print(t("model"), end="", flush=True)
        if cfg.best_of > 1:
            message = say_best(judges, loaded, messages, shelf, cfg, turn)
        else:
            message = say(shelf, loaded, ids, stop, cfg, turn)
        messages.append(message)
        turn += 1


# --- compare -------------------------------------------------------------------------------------


def lineup(shelf):
    """Which checkpoints to compare: one each of base, fine-tuned and PPO."""
    names = [name for name in map(shelf.first, ("pretrain", "sft", "ppo")) if name]
    if not names:
        raise BadInput(f"{shelf.out} holds no checkpoint to compare; {shelf.maker} makes some")
    return names


def compare(shelf, names, prompt, cfg):
    """Print the answers of the base, fine-tuned and PPO model to one prompt, with the reward
    model's score and log π(y|x) − log π_SFT(y|x), whose mean over answers is the KL."""
    asked = [{"role": "user", "content": prompt}]
    beside = {"reward": shelf.first("reward"), "reference": shelf.first("sft")}
    draws = {"seed": cfg.seed, **settings(cfg)}
    speaker, t = "", words(shelf.world())
    for event in shelf.compare(names, asked, cfg.max_new_tokens, **beside, **draws):
        if speaker != event["name"]:
            speaker, part = event["name"], "content"
            print(f"\n{speaker:>9}> ", end="")
        for name, key in (("search", "search"), ("result", "result"), ("content", "text")):
            part = print_piece(event.get(key, ""), name, part)
        if "tokens" in event:
            print(f"\n{'':>9}  ({', '.join(figures(event, t))})")


def figures(event, t):
    """What stands under an answer; `t` gives words (desk.words)."""
    found = [t("tokens", n=len(event["tokens"])) + ("" if event["ended"] else t("cut_off"))]
    if event["reward"] is not None:
        found.append(t("reward", x=event["reward"]))
    if event["kl"] is not None:
        found.append(t("kl", x=event["kl"]))
    if event["fact"]:
        found.append(f"{t(event['fact']['verdict'])}: {event['fact']['fact']}")
    return found


# --- all of it -----------------------------------------------------------------------------------


def web_server():
    """The module desk/server.py, or one line that says how to get what it needs."""
    try:
        from desk import server
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "pydantic", "uvicorn"):
            raise
        raise BadInput(
            f"--web needs {error.name}: pip install -e '.[web]' (without a browser: "
            "--compare, --label and --probe)"
        ) from None
    return server


def main(argv):
    path, options = path_and_options(argv)
    cfg = parse_config(Config, PRESETS, options)
    check(cfg, path)
    server = web_server() if cfg.web else None
    machine = setup(cfg)
    shelf = Shelf(cfg.out, machine, read_knowledge(cfg.knowledge or FILE).look_up)
    prompt = cfg.prompt.replace("\\n", "\n").encode(errors="replace").decode()

    def open_desk(kind):
        name = most_attacked(shelf) if kind == "harmful" else shelf.first("sft") or "sft"
        loaded = open_checkpoint(path, machine) if path else shelf.get(name)
        limit = cfg.max_new_tokens
        return Desk(shelf, loaded, cfg.data, limit=limit, seed=cfg.seed, kind=kind)

    def open_probing():
        loaded = open_checkpoint(path, machine) if path else shelf.get(most_attacked(shelf))
        rules = read_rules(cfg.rules_file, world_read(loaded.checkpoint))
        return Probing(shelf, loaded, rules, cfg.max_new_tokens, seed=cfg.seed, **settings(cfg))

    if cfg.web:
        defaults = {**settings(cfg), "limit": cfg.max_new_tokens, "seed": cfg.seed}
        open_rules = functools.cache(functools.partial(read_rules, cfg.rules_file))
        open_rules("world")  # a bad file is refused before the page opens
        server.serve(shelf, open_desk, open_rules, cfg.host, cfg.port, defaults)
    elif cfg.compare:
        names = lineup(shelf)
        world = shelf.world()
        for line in [prompt] if prompt else typed(words(world)("prompt"), world):
            compare(shelf, names, line, cfg)
    elif cfg.label or cfg.probe:
        desk = open_desk(cfg.kind) if cfg.label else open_probing()
        errors.stopped[0] = errors.KEPT
        world = world_of(desk.loaded.checkpoint)
        t = words(world)
        labeler = check_labeler(cfg.labeler or next(typed(t("name"), world), ""))
        if cfg.label:
            label(desk, labeler, typed(t("rank"), world, "/undo"))
        else:
            probe(desk, labeler, typed(t("attack"), world, "/skip", "/undo"))
    else:
        loaded = open_checkpoint(path, machine)
        shelf.lookup = open_lookup(cfg.knowledge, loaded.tokenizer, path)
        if cfg.prompts:
            answer_all(shelf, loaded, cfg)
        elif prompt or cfg.raw:
            say_once(shelf, loaded, prompt, cfg)
        else:
            talk(shelf, loaded, cfg)


if __name__ == "__main__":
    run(main, sys.argv[1:])
