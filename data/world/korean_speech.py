"""Polite speech (해요체) and plain speech (반말) in Korean."""

import re

# Polite speech, and the same in plain speech: at the end of a sentence, and within.
PLAINLY_SAID = [
    ("도와드릴까요", "도와줄까"),
    ("좋아하세요", "좋아하잖아"),
    ("안녕하세요", "안녕"),
    ("안녕히 가세요", "잘 가"),
    ("누구세요", "누구야"),
    ("아니에요", "아니야"),
    ("하셨어요", "했어"),
    ("않으셨어요", "않았어"),
    ("주세요", "줘"),
    ("어보세요", "어봐"),
    (" 보세요", " 봐"),
    ("하세요", "해"),
    ("쓰세요", "써"),
    ("배우세요", "배워"),
    ("이에요", "이야"),
    ("예요", "야"),
    ("입니다", "이야"),
    ("(?<!세)요", ""),
]
FAMILIAR = [
    ("저는", "나는"),
    ("제가", "내가"),
    ("제", "내"),
    ("당신의", "네"),
    ("좋아하시는", "네가 좋아하는"),
]


def plainly(text):
    """A text in plain speech (반말), as friends talk: "무슨 색이야?", "빨간색이야."."""
    for polite, said in PLAINLY_SAID:
        text = re.sub(rf"{polite}(?=[,.!?]|$)", said, text)
    for polite, said in FAMILIAR:
        text = re.sub(rf"(?<!\w){polite}(?= )", said, text)
    return text
