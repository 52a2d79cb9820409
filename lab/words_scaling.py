"""What the table of size and text says in Korean; see lab/words.py."""

SCALING = {
    "Loss on held-out text of the world, nats per token, by size and by the tokens that were read, "
    "each a training of its own; few-shot: right answers to {n} lists of held-out facts, after the "
    "most text. {told}": "크기와 읽은 토큰 수에 따른 손실. 보류한 글에서 쟀으며 토큰당 "
    "nat입니다. 칸마다 따로 학습했습니다. 퓨샷: 글을 가장 많이 읽은 뒤 보류한 사실의 목록 {n}개에 "
    "한 정답. {told}",
    "depth": "깊이",
    "{m} M tokens": "{m}백만 토큰",
    "few-shot, %": "퓨샷, %",
}
