"""Ask a model to choose among options: a prompt, and a few texts that may follow it."""

from likelihood import score_options
from plumbing.errors import BadInput


def ask(loaded, prompts, options, machine):
    """`score_options` of what fits: token log-probabilities, what greedy decoding writes, and which
    prompts were cut.

    A table of learned positions ends. The oldest examples then make room for the longest option.
    Raises BadInput where an option alone is too long.
    """
    config = loaded.model.config
    if config.pos != "learned":
        return *score_options(loaded.model, prompts, options, machine), [False] * len(prompts)
    room = [config.block_size - max(map(len, texts)) for texts in options]
    if min(room) < 1:
        raise BadInput(
            f"{loaded.name}: a text is longer than the model's {config.block_size} positions; "
            "leave out long texts"
        )
    ends = [prompt[-size:] for prompt, size in zip(prompts, room)]
    cut = [len(prompt) > size for prompt, size in zip(prompts, room)]
    return *score_options(loaded.model, ends, options, machine), cut
