"""From what a row says to messages, [{"role": "user", "content": ...}, {"role": "assistant", ...}]:
lists of turns, transcripts, a question with what stands beside it, a system's text, earlier turns.
"""

import re
from itertools import cycle

from data.rows import LeftOut, expect, field
from plumbing.errors import BadInput

ROLES = dict.fromkeys(["system", "developer"], "system")
ROLES |= dict.fromkeys(["user", "human", "prompter"], "user")
ROLES |= dict.fromkeys(["assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model"], "assistant")
ROLES |= dict.fromkeys(["tool", "function", "ipython", "observation", "function_call"], "tool")
DIALOGUES = ("messages", "conversations", "conversation")
# Keys of a question in one text, each with the key that its answer commonly has.
QUESTION = {
    "prompt": "completion",
    "instruction": "output",
    "question": "answer",
    "query": "response",
    "input": "output",
    "q": "a",
    "질문": "답변",
}
BESIDE = ("input", "context", "passage")  # what a question may be about
EVIDENCE = ("search", "result")  # of an answer for which something was looked up
SYSTEM = ("system", "system_prompt", "system_message", "sys_prompt")
HISTORY = ("history", "chat_history")


# --- messages: [{"role": "user", "content": ...}, {"role": "assistant", ...}, ...] ---------------
def turns(given, key, earlier=()):
    """Messages from {role, content}, ShareGPT's {from, value}, or LIMA's texts, in turn the user's
    and the assistant's, after those that are `earlier`. The template has no system's turn: its text
    begins the user's next one."""
    expect(given, list, key, "a list of messages")
    messages = []
    system = []
    speakers = cycle(["user", "assistant"])
    for i, turn in enumerate([*earlier, *given], -len(earlier)):
        if isinstance(turn, str):
            turn = {"role": next(speakers), "content": turn}
        role, text = role_and_text(turn, f"{key}[{i}]")
        if role == "system":
            system += [text] if text.strip() else []
            continue
        if role == "user":
            text = "\n\n".join([*system, text])
            system = []
        message = {"role": role, "content": text}
        if role == "assistant" and isinstance(turn, dict) and turn.get("weight") == 0:
            message["weight"] = 0  # as OpenAI marks an answer that is read and not learned
        if role == "assistant" and isinstance(turn, dict):
            message |= looked_up(turn, f"{key}[{i}]")
        messages.append(message)
    if system:
        raise LeftOut("a system's message that no user's turn follows")
    return messages


def looked_up(turn, place):
    """What was looked up for an answer: {"search", "result"}, a line each, or nothing."""
    found = {name: turn[name] for name in EVIDENCE if turn.get(name) is not None}
    if len(found) == 1:
        raise BadInput(f"'{place}': 'search' and 'result' come together, and here is one of them")
    for name, text in found.items():
        text = expect(text, str, f"{place}.{name}", "text").strip()
        if not text or len(text.splitlines()) > 1:
            raise BadInput(f"'{place}.{name}': expected one line of text")
        found[name] = text
    return found


def role_and_text(turn, place):
    """The two of one message. A tool, and what is no text, has no place in the template."""
    expect(turn, dict, place, "an object")
    name, content = ("role", "content") if "role" in turn else ("from", "value")
    role = ROLES.get(expect(turn.get(name), str, f"{place}.{name}", "text").lower())
    if role is None:
        raise BadInput(f"'{place}.{name}': expected user, assistant or system")
    if role == "tool" or turn.get("tool_calls") or turn.get("function_call"):
        raise LeftOut("uses tools")
    text = turn.get(content)
    if isinstance(text, list):  # OpenAI's parts of a message
        parts = [expect(part, dict, f"{place}.{content}", "a list of objects") for part in text]
        if any(part.get("type") != "text" for part in parts):
            raise LeftOut("holds more than text")
        text = "\n".join(field(part, "text") for part in parts)
    return role, expect(text, str, f"{place}.{content}", "text")


def check_turns(messages, last):
    """Leave out a conversation in which the two do not alternate, from the user's to `last`'s, or
    in which no answer is to be learned."""
    roles = [turn["role"] for turn in messages]
    for one, other in zip(roles, roles[1:]):
        if one == other:
            raise LeftOut(f"two {one} turns in a row")
    if roles[:1] != ["user"] or roles[-1] != last:
        raise LeftOut(f"expected the first turn to be the user's, the last the {last}'s")
    answers = [turn for turn in messages if turn["role"] == "assistant"]
    if last == "assistant" and not any(turn.get("weight", 1) for turn in answers):
        raise LeftOut("no answer but of weight 0")


def turns_of_transcript(text):
    """A prompt as messages: HH's "Human: ... Assistant: ..." becomes turns, other text is one."""
    if not text.startswith("Human:"):
        return [{"role": "user", "content": text}]
    messages = []
    parts = re.split(r"(?:^|\n\n)(Human|Assistant):", text.removesuffix("\n\nAssistant:"))
    for role, said in zip(parts[1::2], parts[2::2]):
        role = ROLES[role.lower()]
        if messages and messages[-1]["role"] == role:  # one speaker in two goes is one turn
            said = messages.pop()["content"] + "\n\n" + said.strip()
        messages.append({"role": role, "content": said.strip()})
    return messages


def before(row):
    """What a row says before its question: a system's text, and earlier turns."""
    messages = []
    for key in SYSTEM:
        if row.get(key) is not None:
            messages.append({"role": "system", "content": field(row, key)})
    for key in HISTORY:
        if row.get(key) is None:
            continue
        # Alpaca's, as pairs of question and answer, or as messages
        for i, turn in enumerate(expect(row[key], list, key, "a list of turns")):
            messages += turns(turn, f"{key}[{i}]") if isinstance(turn, list) else [turn]
    return messages


def asked(row, key):
    """All that a row says before the answer, as messages; `key` holds the question, as text, as a
    list of messages, or as an object with one."""
    value = row.get(key)
    if isinstance(value, dict):
        return turns(value.get("messages"), f"{key}.messages", before(row))
    if isinstance(value, list) or key in DIALOGUES:
        return turns(value, key, before(row))
    text = [field(row, key)]
    for other in BESIDE:  # Alpaca's input, Dolly's context
        if other != key and row.get(other) is not None:
            text.append(field(row, other))
    text = "\n\n".join(filter(None, text))
    return turns(turns_of_transcript(text), key, before(row))


def reply(row, key):
    """The answer at `key`, a text, a message, or a list of messages, as a list of messages."""
    value = row.get(key)
    if isinstance(value, (dict, list)):
        value = value if isinstance(value, list) else [value]
        return turns([expect(turn, dict, key, "text or messages") for turn in value], key)
    return [{"role": "assistant", "content": field(row, key)}]


def dialogue(row, prompt, answer):
    """All messages from the keys `prompt` and `answer`."""
    said = reply(row, answer)
    if said and said[0]["role"] == "user":  # the answer's list repeats the prompt
        if isinstance(row.get(prompt), str) and not any(
            alike(row[prompt].strip(), turn["content"]) for turn in said
        ):
            raise LeftOut("the prompt is not the conversation's")
        return turns(said, answer, before({**row, **dict.fromkeys(HISTORY)}))
    return asked(row, prompt) + said


def alike(one, other):
    """Does one text hold the other, as a prompt in a template does?"""
    return (
        one == other
        or isinstance(one, str)
        and isinstance(other, str)
        and (one in other or other in one)
    )
