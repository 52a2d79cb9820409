"""The figure on pretraining by size and text (after GPT-3's figure 3.1): see lab/scaling.py."""

from lab.figures.frames import Shown
from lab.figures.rows import all_rows, pick, some
from lab.scaling_law import FEWEST, fitted
from lab.scaling_picture import draw
from lab.svg import said
from lab.words_pictures import korean

CAPTION = (
    "Every point is a training of its own on text of the tiny world, one seed. Interval: 95 %, by "
    "drawing the residuals of the fit again. The prediction is of the fit to the smaller models "
    "alone.",
    "점마다 따로 학습했으며 글은 작은 세계의 글이고 시드는 하나입니다. 구간은 적합의 잔차를 다시 "
    "뽑은 95 % 구간입니다. 예측은 작은 모델들에만 맞춘 법칙의 것입니다.",
)
NO_ROWS = "the study of scale has no rows"
FEW = f"fewer than {FEWEST} runs of the study of scale make its envelope"
FOUND = ("Loss falls as a power of compute", "손실은 계산량의 거듭제곱으로 줄어듭니다")
KEPT = (
    ", and a larger model falls where its law says",
    ". 더 큰 모델의 손실도 그 법칙이 예측한 대로입니다",
)
MISSED = (
    ", but a larger model does not fall where its law says",
    ". 그러나 더 큰 모델의 손실은 그 법칙의 예측과 다릅니다",
)


def scaling(logs):
    """Loss against compute, the law through the envelope, and the larger model it was asked of."""
    rows = some(all_rows(logs["scaling"]), NO_ROWS)
    sizes = pick(rows, larger=False)
    larger = pick(rows, larger=True)
    depth = larger[-1]["depth"] if larger else 1 + max(row["depth"] for row in sizes)
    tokens = max(row["asked"] for row in sizes)
    told = fitted(sizes, depth, tokens, larger[-1] if larger else None)
    some([told] if told else [], FEW)
    english = told.sentences()
    takeaway = " ".join(english), " ".join(map(korean, english))
    drawn = draw(told, alone=False)
    return Shown((drawn, said(drawn, korean)), takeaway, CAPTION, title=finding(told))


def finding(told):
    """What the figure shows, if it shows it: nothing where the exponent could be zero."""
    _, low, _ = told.found["b"]
    if low <= 0:
        return ()
    kept = told.kept()
    more = ("", "") if kept is None else KEPT if kept else MISSED
    return tuple(first + then for first, then in zip(FOUND, more))
