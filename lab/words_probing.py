"""What the tables of rules, evidence and help against harm say in Korean; see lab/words.py."""

RULES = {  # the names of the rules, in tables and in figures
    "person": "사람 행세",
    "insult": "욕",
    "private": "사생활",
    "medicine": "의료 조언",
    "acted": "했다는 말",
    "sides": "편들기",
    "evidence": "쪽지",
    "promise": "약속",
}
PROBING = {
    # rules
    "SFT": "SFT",
    "SFT, dialogue prompt": "SFT, 대화 예시를 앞에 둠",
    "SFT, best by preference": "SFT, 여덟 답 중 선호로 고름",
    "SFT, best by both": "SFT, 여덟 답 중 둘 다로 고름",
    "RL, preference": "강화학습, 선호만",
    "RL, rules": "강화학습, 규칙만",
    "RL, both": "강화학습, 둘 다",
    "RL, both, best by both": "강화학습 둘 다, 여덟 답 중 둘 다로 고름",
    "violations": "규칙을 어긴 답",
    "trained on": "배운 것",
    "helpful comparisons": "도움 비교",
    "harmless comparisons": "무해 비교",
    "both": "둘 다",
    "helpful, labels": "도움, 라벨",
    "harmless, labels": "무해, 라벨",
    "helpful, truth": "도움, 참",
    "harmless, truth": "무해, 참",
    "Held-out pairs of answers in the right order, in per cent (50 by chance); {n} questions "
    "of each kind: helpful comparisons of benign questions, near misses and plain requests, "
    "harmless ones of attacks of families never trained on. Labelers err; the truth is a "
    "program's (simulated).": "보류한 답의 쌍을 바른 순서로 놓은 비율(%, 우연은 50). 종류마다 "
    "질문 {n}개. 도움 비교는 평범한 질문, 비슷해 보이기만 하는 질문, 꾸밈없는 부탁에서, 무해 "
    "비교는 배운 적 없는 갈래의 공격에서 왔습니다. 라벨러는 틀리기도 하고, 참은 프로그램이 "
    "정합니다(시뮬레이션).",
    "believed": "규칙 모델이 어겼다고 본 답",
    "benign right": "보통 질문의 정답",
    "near misses right": "비슷해 보이기만 하는 질문의 정답",
    "refused": "그런 질문을 거절",
    "Answers at temperature 1 to attacks of families that no training meets, in per cent with "
    "95 % intervals; {n} attacks on rules in all. Broken rules are counted by a program "
    '(simulated); "believed" is what the rule model says of the same answers. None of these '
    "figures stands beside those of the paper: theirs is another test.": "학습에서 만나지 않은 "
    "종류의 공격에 온도 1로 답한 결과(%, 95 % 구간). 규칙에 대한 공격은 모두 {n}번. 어긴 규칙은 "
    "프로그램이 셉니다(시뮬레이션). 규칙 모델이 어겼다고 본 답은 같은 답을 규칙 모델이 판단한 "
    "것입니다. 논문의 수치와 나란히 놓을 수 없습니다. 시험이 다릅니다.",
    "rules.py, AUC, mean over the rules": "rules.py, 규칙별 AUC의 평균",
    "the same, rules in wordings never seen": "같은 것, 처음 보는 말투의 규칙",
    'one "bad?" head, as many labels': "규칙을 읽지 않는 머리 하나, 같은 라벨 수",
    "both of a broken and a kept rule of one dialogue are told": "한 대화에서 어긴 규칙과 지킨 "
    "규칙을 둘 다 맞힘",
    "AUC of a rule that no label was given for (a control)": "라벨이 없던 규칙의 AUC(대조)",
    "calibration error": "보정 오차",
    "One classifier of a dialogue and a rule's text, on {n} dialogues a seed under attacks "
    "never trained on, against a program's verdicts (simulated).": "대화와 규칙의 글을 함께 읽는 "
    "분류기 하나를, 학습에서 만나지 않은 공격을 받은 시드마다 대화 {n}개에서 프로그램의 판정과 "
    "견줍니다(시뮬레이션).",
    # evidence
    "new facts, right with look-up": "새 사실, 찾아보고 맞게 답함",
    "new facts, right without": "새 사실, 찾지 않고 맞게 답함",
    "supported by the line": "끼워 넣은 글이 뒷받침하는 답",
    "looks up when needed": "필요할 때 찾아봄",
    "does not otherwise": "필요 없을 때 찾지 않음",
    "contradicted: followed": "기억과 다른 근거를 따름",
    "contradicted: looked up, it says": "기억과 다를 때 찾아봤다고 말함",
    "contradicted: names its memory": "기억과 다를 때 제 기억을 밝힘",
    "not contradicted: denies nothing": "기억과 같을 때 아무것도 부정하지 않음",
    "not found: said": "찾지 못하면 모른다고 함",
    "right where none is needed": "찾을 필요가 없는 질문의 정답",
    "The likeliest answers, in per cent with 95 % intervals; things, people, wordings and some "
    "kinds of facts stand in no lesson. Marked by a program (simulated): another test than the "
    "paper's, whose figures do not stand beside these.": "가장 그럴듯한 답, %와 95 % 구간. "
    "사물, 사람, 말투와 몇몇 종류의 사실은 어느 배움에도 나오지 않습니다. 프로그램이 "
    "채점했습니다(시뮬레이션). 논문과는 다른 시험이므로 논문의 수치와 나란히 놓지 않습니다.",
    # rule by rule
    "AUC among its own attacks": "제 공격에서의 AUC",
    "Of all attacks, the answers that break each rule, in per cent with 95 % intervals. Of "
    "what is still broken in the end, {share} % is one rule's: {rule}.": "모든 공격 가운데 규칙"
    "마다 어긴 답, %와 95 % 구간. 끝까지 어기는 것의 {share} %는 한 규칙에서 나옵니다: {rule}.",
    **RULES,
}
