"""What a stage ends with: the commands that come next, as they can be typed."""

from pathlib import Path

from plumbing.console import quoted

# Stage, or PPO with rules: its options whose values of themselves need not be typed.
DEFAULTS = {
    "sft": {"init": "out/pretrain/ckpt.pt", "out": "out/sft"},
    "reward": {"init": "out/sft/ckpt.pt", "out": "out/reward"},
    "ppo": {"init": "out/sft/ckpt.pt", "reward": "out/reward/ckpt.pt", "out": "out/ppo"},
    "sparrow": {"init": "out/sft_probed/ckpt.pt", "reward": "out/reward_probed/ckpt.pt"}
    | {"rules": "out/rules/ckpt.pt", "out": "out/ppo_rules"},
}
CHAINS = ("gpt2", "ko", "sparrow", "ko_sparrow")  # presets that the next stage is typed with
WORLDS = ("world", "world_ko")  # what --data calls the built-in texts
RECORDS = (".csv", ".json", ".jsonl")  # of files that hold demonstrations rather than a text
LABELS = "out/labels/comparisons.jsonl"  # what chat.py --label writes


def sibling(out, stage, other):
    """The folder of a later stage beside that of an earlier one: out/book_sft, out/book_reward."""
    folder = Path(out)
    if stage in folder.name:
        return (folder.parent / folder.name.replace(stage, other)).as_posix()
    return (folder.parent / f"{folder.name}_{other}").as_posix()


def korean(files):
    """{option: file} of the Korean chain, which has a folder of its own."""
    return {name: path.replace("out/", "out/ko/") for name, path in files.items()}


def default(stage, name, preset):
    """The value of an option that need not be typed; the Korean chain has a folder of its own."""
    family = "sparrow" if preset.endswith("sparrow") else stage
    value = DEFAULTS[family].get(name, "")
    return korean({name: value})[name] if preset.startswith("ko") else value


def typed(stage, preset="tiny", **options):
    """The command of a stage, without what it would take of itself."""
    words = [f"python {stage}.py"] + ([f"--preset={preset}"] if preset in CHAINS else [])
    for name, value in options.items():
        if value and value != default(stage, name, preset):
            words.append(f"--{name}={quoted(value)}")
    return " ".join(words)


def commands(stage, cfg):
    """[(what for, command)] after a run of `stage` with these options, the likeliest first."""
    name = (Path(cfg.out) / "ckpt.pt").as_posix()
    talk = ("talk to it", f"python chat.py {quoted(name)}")
    preset = cfg.preset
    in_korean = preset.startswith("ko")
    own = getattr(cfg, "data", "world") not in WORLDS
    if stage == "pretrain":
        out = "" if name == default("sft", "init", preset) else sibling(cfg.out, stage, "sft")
        # A base of demonstrations is made to be tuned on the same ones.
        answers = cfg.data if Path(cfg.data).suffix in RECORDS else "FILE"
        learn = typed("sft", preset, init=name, data=answers if own else "", out=out)
        return [("teach it to answer", learn), talk]
    if stage == "sft":
        out = sibling(cfg.out, stage, "reward")
        ranked = LABELS if own else ""
        learn = typed("reward", preset, init=name, data=ranked, out=out)
        label = ("rank its answers", f"{talk[1]} --label")
        return [talk, *([label] if own else []), ("learn what people prefer", learn)]
    if stage == "reward":
        out = sibling(cfg.out, stage, "ppo")
        learn = typed("ppo", preset, init=cfg.init, reward=name, out=out)
        return [("write what it scores highly", learn)]
    if stage == "rules":
        best = f"python chat.py {quoted(cfg.init)} --best_of=8 --rules={quoted(name)}"
        reward = sibling(Path(cfg.init).parent, "sft", "reward") + "/ckpt.pt"
        files = {"init": cfg.init, "reward": reward, "rules": name}
        out = sibling(cfg.out, "rules", "ppo_rules")
        learn = typed("ppo", "ko_sparrow" if in_korean else "sparrow", **files, out=out)
        return [("choose answers by it", best), ("learn to keep them", learn)]
    compare = "python chat.py --compare" + (" --preset=ko" if in_korean else "")
    return [talk, ("beside the others", compare)]


def lines(stage, cfg):
    """The same as aligned lines of text."""
    found = commands(stage, cfg)
    width = max(len(what) for what, _ in found)
    return ["next"] + [f"  {what:<{width}}  {command}" for what, command in found]
