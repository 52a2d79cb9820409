"""What the table of memory says in Korean; see lab/words.py."""

MEMORY = {
    "GB of tensors at the most in one training step, and after the colon the smallest card (of "
    "{cards} GB) that leaves a tenth free. Reckoned without computing, operator by operator, at "
    "the shapes of each stage's preset gpt2 in {machine}, without `--compile`; every text is as "
    "long as stated. `kept`: as it is; `again`: with `--checkpoint_activations`. PPO holds four "
    "whole networks that share nothing: policy and value learn, reference and reward model are "
    "read; it writes all answers of an iteration at once, and sampling holds the keys and values "
    "of them all: a smaller `--batch_size` lowers that, a larger `--grad_accum` what learning "
    "takes.": "학습 한 걸음에서 텐서가 가장 많이 차지하는 GB이고, 쌍점 뒤는 10분의 1을 남기고 "
    "들어가는 가장 작은 그래픽 카드({cards} GB 가운데)입니다. 계산하지 않고 연산마다 크기만 "
    "셌습니다. 각 단계의 gpt2 프리셋 크기, {machine}, `--compile` 없이, 모든 글이 적힌 길이일 "
    "때입니다. `보관`: 그대로, `재계산`: `--checkpoint_activations`. PPO는 아무것도 나눠 쓰지 "
    "않는 온전한 네트워크 넷을 둡니다. 정책과 가치는 배우고, 기준 모델과 보상 모델은 읽기만 "
    "합니다. 한 번에 모든 답을 쓰므로 샘플링은 그 키와 값을 모두 들고 있습니다. 이것은 "
    "`--batch_size`를 줄이면, 학습에 드는 메모리는 `--grad_accum`을 늘리면 줄어듭니다.",
    "tokens of a text": "글의 토큰 수",
    "kept": "보관",
    "again": "재계산",
}
