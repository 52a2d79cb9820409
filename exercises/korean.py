"""The course in Korean, parallel to english.py; its terms are those of README.ko.md."""

from exercises.table import BUG, FILL, RUN

README = "README.ko.md"

HELP = """
연습 문제: 함수의 빈칸을 채우고, 오류 없이 숨은 버그를 찾고, 실행하고 설명합니다(README.ko.md).

빈칸을 채우거나 버그를 찾는 문제마다 작업 사본이 따로 생깁니다. 거기서 무엇을 하든 원본은 바뀌지
않습니다. `reset`은 작업 사본을 지우지 않고 옮겨 둡니다.

읽는 것  이 폴더의 소스와 테스트
쓰는 것  out/exercises/work/NN/(작업 사본), kept/(옮겨 둔 사본), progress.json

    python -m exercises --preset=ko                모든 문제와 진도
    python -m exercises start 3 --preset=ko        함수 하나를 비웁니다. 본문을 직접 씁니다
    python -m exercises plant 7 --preset=ko        버그 하나를 심습니다. 찾아서 고칩니다
    python -m exercises hint 7 --preset=ko         어디를 더 자세히 볼지 알려 줍니다
    python -m exercises check 7 --preset=ko        채점합니다(번호가 없으면 시작한 문제 모두)
    python -m exercises solution 7 --preset=ko     원본과 무엇이 다른지 보여 줍니다
    python -m exercises reset 7 --preset=ko        작업 사본을 옮겨 둡니다(번호가 없으면 모두)
    python -m exercises done 4 --preset=ko         실행하고 설명한 문제를 끝냈다고 표시합니다

`--out=FOLDER`는 작업 사본과 진도를 다른 곳에 둡니다. `--preset=ko`를 빼면 영어로 말합니다.
"""

WORDS = {
    FILL: "빈칸 채우기",
    BUG: "버그 찾기",
    RUN: "실행하고 설명하기",
    "exercise": "연습 문제 {number}",
    "command": "python -m exercises {command} {number} --preset=ko",
    "text": "exercises/README.ko.md",
    # --- the list
    "minutes": "{minutes}분",
    "begun": "시작함",
    "tried": "시작함, 채점 {tries}번",
    "done": "끝냄",
    "total": "{all}개 가운데 {done}개를 끝냈습니다. 문제는 exercises/README.ko.md에 있습니다.",
    # --- start and plant
    "blank": "연습 문제 {number}: 여기에 본문을 씁니다",
    "begin": "연습 문제 {number}: {title}({kind}, {minutes}분)",
    "write": "{file}에서 {function}의 본문을 씁니다. 무엇을 하는 함수인지는 독스트링에 있습니다.",
    "look": "{file}에 틀린 곳이 하나 있습니다. 오류는 나지 않습니다.",
    "graders": "채점 테스트: {tests}\n다 했으면: {way}",
    # --- hint, check, reset, done
    "hint": "힌트 {number}: {hint}",
    "passed": "연습 문제 {number}: 통과했습니다({seconds}초). {next}",
    "failed": "연습 문제 {number}: 통과하지 못했습니다({seconds}초, 전체 출력: {path})",
    "no_end": "{limit}초가 지나도 끝나지 않았습니다",
    "last_line": "pytest의 마지막 줄: {line}",
    "no_word": "아무것도 출력되지 않았습니다",
    "next": "다음 문제: {number}. {title}({kind}): {way}",
    "last": "이것으로 모든 문제를 끝냈습니다.",
    "aside": "연습 문제 {number}: 작업 사본을 {path}에 옮겨 두었습니다",
    "nothing_aside": "연습 문제 {number}: 아직 시작하지 않아서 옮겨 둘 사본이 없습니다",
    "marked": "연습 문제 {number}: 끝냈습니다. {next}",
    # --- what is refused
    "source_changed": "{file}: {number}번 문제가 시작하는 곳이 바뀌어 있습니다. 파일을 되돌린 뒤 {command}부터 다시 합니다",
    "damaged": "{path}: 파일이 손상되었습니다. 지우면 진도를 처음부터 다시 셉니다(작업 사본은 그대로 남습니다)",
    "begun_already": "{number}번은 이미 시작했습니다. 작업 사본은 {path}에 있습니다. 처음부터 다시 하려면: {way}",
    "needs": "check에는 pytest와 hypothesis가 필요합니다: pip install -e '.[test]'",
    "not_begun": "{number}번은 아직 시작하지 않았습니다. 시작하려면: {way}",
    "none_begun": "시작한 문제가 없습니다. 목록을 보려면: python -m exercises --preset=ko",
    "options": "'{word}': 옵션은 --out=FOLDER와 --preset=ko뿐입니다(--help에 설명이 있습니다)",
    "commands": "'{word}': {commands} 가운데 하나를 씁니다. 아무것도 쓰지 않으면 목록을 보여 줍니다",
    "one_number": "{command} 뒤에는 번호 하나를 씁니다. 예: {way}",
    "numbers": "'{word}': 문제 번호는 1부터 {last}까지입니다. 목록을 보려면: python -m exercises --preset=ko",
    "other_kind": "{number}번은 '{kind}' 문제입니다. 이렇게 합니다: {way}",
    "other_kind_run": (
        "{number}번은 '{kind}' 문제입니다. 명령과 접힌 답은 exercises/README.ko.md에 있습니다. "
        "마친 뒤에는: {way}"
    ),
    # --- 사실일까, 말투일까 (exercises/facts.py)
    "facts_written": "{file}: 시범 {number}개, 새 사실마다 {times}번",
    "facts_right": "맞은 답의 수. 사실이 어디에 있었는지, 어떻게 물었는지에 따라",
    "only_demonstrated": "시범에만 있는 것",
    "only_read": "사전학습 텍스트에만 있는 것",
    "trained_wording": "배운 표현",
    "new_wording": "새 표현",
    "in_a_sentence": "{how}, 온전한 문장",
    "plain_sentence": "평범한 문장",
    "share": "{of}개 중 {right}개",
    "such_as": "예:",
    # --- a failing grader (exercises/words.py)
    "checked": "확인",
    "input": "입력",
    "expected": "기대한 값",
    "got": "나온 값",
    "can_be_read": "{file} 읽기",
    "its_text": "파일 내용",
    "no_error": "오류 없음",
    "holds": "참",
    "holds_not": "거짓",
    "test_input": "테스트에 적힌 값",
    "shaped": "{text}, 모양 {shape}",
    "object": "{type} 객체",
    "place": "{value}   자리 {place}, 전체 모양 {shape}",
    "line": "{error} ({line}번째 줄)",
    "file_line": "{error} ({file}의 {line}번째 줄)",
}

CHECKS = {
    # week 1
    "test_train_bpe_by_hand": "손으로 구한 BPE와 같습니다",
    "test_reference_by_hand": "키가 모두 같으면 지금까지 본 v의 평균이 나옵니다",
    "test_token_logprobs_score_the_next_token": "다음 토큰의 점수를 매깁니다",
    "test_composed_and_decomposed_hangul_are_the_same": "완성된 한글과 자모로 푼 한글이 같습니다",
    "test_a_seed_repeats_and_a_row_does_not_feel_its_neighbours": (
        "시드가 같으면 글도 같고, 이웃한 행은 영향을 주지 않습니다"
    ),
    "test_learning_rate_in_closed_form": "학습률 배수가 공식과 같습니다",
    # week 2
    "test_render_by_hand": "손으로 적은 토큰, 마스크와 같습니다",
    "test_typed_specials_stay_text": "사용자가 입력한 특수 토큰은 글로 남습니다",
    "test_parts_of_a_batch_add_up_to_the_whole": "나눈 배치의 손실을 더하면 배치 전체의 손실입니다",
    "test_ranking_loss_is_the_explicit_double_loop": "반복문 두 개로 쓴 순위 손실과 같습니다",
    "test_the_score_is_read_at_the_end_of_the_text": "점수는 글의 끝에서 읽습니다",
    "test_ties_drop_and_empty_places_count_as_nothing": "동점은 빠지고, 빠진 답은 세지 않습니다",
    "test_held_out_comparisons_are_of_other_questions": "보류한 비교는 다른 질문의 비교입니다",
    # week 3
    "test_the_score_is_paid_at_the_last_token": "점수는 마지막 토큰에서 줍니다",
    "test_rewards_add_up_to_the_score_minus_beta_kl": "토큰 보상을 더하면 점수 − β·로그 확률비입니다",
    "test_gae_by_hand": "손으로 계산한 GAE와 같습니다",
    "test_gae_ignores_what_stands_outside_the_answer": "답 밖에 있는 것은 GAE를 바꾸지 않습니다",
    "test_whitening_is_over_the_tokens_of_answers_only": "화이트닝은 답 토큰에서만 합니다",
    "test_a_clipped_ratio_has_no_gradient_on_the_side_of_its_advantage": (
        "어드밴티지가 미는 쪽으로 클리핑된 확률비에는 그래디언트가 없습니다"
    ),
    "test_at_ratio_one_the_gradient_is_that_of_reinforce": "확률비가 1이면 그래디언트가 REINFORCE와 같습니다",
    "test_best_of_n_counts_every_subset_once": "모든 부분집합을 한 번씩 셉니다",
    "test_the_weights_are_a_distribution": "가중치는 확률분포입니다",
    "test_the_mask_covers_the_answer_and_its_end": "마스크는 답과 그 끝에서 1입니다",
    "test_dropout_is_off": "드롭아웃이 꺼져 있습니다",
    "test_log_probabilities_are_sums_over_answers_alone": "로그 확률은 답 토큰에서만 더합니다",
    # week 4
    "test_two_concepts_by_hand": "concept 두 개를 손으로 계산한 값과 같습니다",
    "test_the_sparse_filter_is_the_dense_one": "0을 건너뛴 필터가 모두 계산한 필터와 같습니다",
    "test_prefix_matching_of_known_patterns": "답을 아는 어텐션에서 prefix matching이 맞습니다",
    "test_documents_against_the_dense_filter": "모두 계산한 필터와 사후확률이 같습니다",
    "test_t_interval_by_hand": "손으로 계산한 신뢰구간과 같습니다",
    # week 5
    "test_the_loss_by_hand": "손으로 계산한 손실과 같습니다",
    "test_the_loss_is_binary_cross_entropy_and_parts_add_up": (
        "이진 교차 엔트로피와 같고, 나눈 배치의 손실을 더하면 전체의 손실입니다"
    ),
    "test_combined_by_hand": "손으로 계산한 점수와 같습니다",
    "test_the_level_of_the_reward_is_free": "보상에 같은 수를 더해도 점수는 그대로입니다",
    "test_swapped_by_hand": "손으로 센 쌍의 수와 같습니다",
    "test_a_head_that_reads_no_rule_never_swaps": "규칙을 읽지 않는 머리는 한 쌍도 맞히지 못합니다",
    "test_the_scale_is_frozen_at_the_first_batch": "점수를 재는 자는 첫 배치에서 정해집니다",
    "test_one_row_reads_the_rule_and_the_other_does_not": "rules의 행은 규칙을 읽고 bad의 행은 읽지 않습니다",
    # week 6
    "test_the_gradient_of_two_equal_scores": "점수가 같은 두 답의 미분이 손으로 계산한 값과 같습니다",
    "test_the_gradient_of_the_ranking_loss": "순위 손실의 미분이 중앙 차분과 같습니다",
    "test_gae_is_a_sum": "합으로 쓴 GAE가 반복문으로 쓴 GAE와 같습니다",
    "test_the_gradient_of_the_clipped_objective": "클리핑한 목적 함수의 미분이 중앙 차분과 같습니다",
    "test_forward_by_hand": "손으로 계산한 순전파와 같습니다",
    "test_a_pair_that_begins_changes_no_bit": "갓 붙인 행렬 한 쌍은 결과를 한 비트도 바꾸지 않습니다",
    "test_a_checkpoint_is_plain_and_says_the_same": "행렬을 합쳐서 저장한 체크포인트가 똑같이 대답합니다",
    "test_what_is_looked_up_by_hand": "손으로 적은 토큰, 마스크와 같습니다",
    "test_who_has_no_tokens_for_it_looks_nothing_up": "찾아보기용 토큰이 없으면 오류를 냅니다",
    # week 7
    "test_kl_by_hand": "손으로 계산한 발산과 같습니다",
    "test_kl_is_zero_of_a_network_that_has_learned_it_and_points_there": "다 배우면 0이고, 기울기가 "
    "그쪽을 가리킵니다",
    "test_a_soft_label_by_hand": "라벨이 확률일 때 손으로 계산한 값과 같습니다",
    "test_the_slope_of_a_soft_label": "라벨이 확률일 때의 기울기가 중앙 차분과 같습니다",
    "test_ensemble_by_hand": "손으로 계산한 확률과 같습니다",
    "test_who_always_says_a_prefers_nothing": "늘 (A)라고 하는 심판은 어느 쪽도 더 좋아하지 않습니다",
    "test_two_models_by_hand": "손으로 계산한 두 모델의 세기와 같습니다",
    "test_three_models_of_known_strength_come_back": "미리 정한 세 모델의 세기를 되찾습니다",
    "test_the_level_the_order_and_the_number_of_games_are_free": "기준, 순서, 경기 수를 바꾸어도 세기는 그대로입니다",
    "test_a_pair_is_asked_in_both_orders": "한 쌍을 두 순서로 묻습니다",
}

HINTS = {
    # week 1: the language model
    1: "인덱스로 한 칸씩 나아갑니다. 쌍을 만나면 두 칸을 나아가므로 aaa는 (aa) a가 됩니다.",
    2: "점수를 구하고, 대각선 위(triu(1))를 음의 무한대로 바꾸고, 키에 대해 소프트맥스를 한 다음 v를 곱합니다.",
    3: "토큰 T개에서는 예측이 T - 1개 나옵니다. 마지막 자리와 첫 토큰은 짝이 없습니다.",
    4: "온도마다 다섯 답 가운데 몇 개가 되풀이되는지 세어 보세요.",
    5: "모델이 읽은 글에서는 질문 뒤에 무엇이 왔을까요?",
    6: "토크나이저를 학습하기 전에 글에 하는 일과 인코딩하기 전에 글에 하는 일을 비교해 보세요.",
    7: "T = 3일 때, 손실의 항목마다 어느 토큰에 대한 것이고 그때까지 무엇을 읽었는지 적어 보세요.",
    8: "한 배치의 프롬프트는 길이가 서로 다릅니다. 행마다 새 토큰은 몇 번째 자리를 받나요?",
    9: "모두 10스텝, 워밍업 4스텝일 때의 학습률 배수를 출력해 보세요. 코사인은 어디에서 시작하나요?",
    # week 2: demonstrations and rankings
    10: "<|assistant|> 토큰은 주어지므로 마스크가 0입니다. 답을 끝내는 토큰은 배웁니다.",
    11: "손실은 두 가지입니다. 하나는 답의 손실(로그), 하나는 언어의 손실(ppo.py의 시험에 나오는 lm_loss)입니다.",
    12: "python tokenizer.py는 배우는 토큰에 색을 칠합니다. 어느 토큰이 빠졌나요?",
    13: "'<|assistant|>'라는 글을 인코딩하고 토큰이 몇 개인지 세어 보세요.",
    14: "나눈 배치 하나에는 답 토큰이 한 개, 다른 하나에는 쉰 개 있습니다. 토큰마다 무게가 얼마여야 할까요?",
    15: "preferred(ranks)는 i가 j를 이기는 자리에서 1입니다. 쌍에 대해 평균을 낸 다음 질문에 대해 평균을 냅니다.",
    16: "답 네 개의 순위를 매기는 라벨러는 비교를 여섯 번 하는 셈입니다.",
    17: "보류한 질문에서의 일치도와 보정 표를 비교해 보세요.",
    18: "에포크가 끝날 때마다 val_loss를 읽어 보세요.",
    19: "배치의 패딩은 오른쪽에 있습니다. 짧은 행의 마지막 열에는 무엇이 있나요?",
    20: "순위가 0, 1, 1인 질문 하나에서 preferred를 출력해 보세요. 쌍이 몇 개인가요?",
    21: "라벨러 세 명이 같은 질문의 답에 순위를 매겼습니다. 세 레코드는 각각 어디로 갈 수 있나요?",
    22: "말한 단어와 모델이라면 말했을 단어를 비교하는 곳은 신경망의 어느 부분인가요?",
    # week 3: PPO
    23: "행마다 마스크의 마지막 1을 찾습니다. 마스크에 열 번호를 곱하고 argmax를 구합니다.",
    24: "마지막 열에서 시작해 t를 거꾸로 도는 반복문 하나입니다. 마스크 밖의 값은 무엇보다 먼저 0으로 만듭니다.",
    25: "마스크 안에서 더하고 개수로 나눕니다. 프로세스가 여럿일 때의 합은 machine.sum이 구합니다.",
    26: "어드밴티지를 곱한 두 값 가운데 작은 쪽에 마이너스를 붙입니다. 확률비도 반환합니다.",
    27: "i번째로 나쁜 답이 n개 가운데 가장 좋다면, 나머지 n - 1개는 그 아래의 i - 1개에서 나왔습니다.",
    28: "로그의 세 값 reward, judge, kl을 그래프로 그려 보세요.",
    29: "lm_loss와 few_shot을 PPO 전, PPO 뒤, PPO-ptx 뒤에 읽어 보세요.",
    30: "심판을 보상으로 쓴 결과를 보상 모델을 쓴 결과 옆에 놓아 보세요. 어떤 차이가 남나요?",
    31: "마스크의 항목 t는 토큰 t + 1을 고르는 선택에 속합니다. 토큰 세 개짜리 프롬프트를 그려 보세요.",
    32: "정책과 기준 모델은 처음에 가중치가 같습니다. 그래도 순전파에서 달라질 수 있는 것은 무엇인가요?",
    33: "확률비 1.5에 어드밴티지 +1, 확률비 0.5에 어드밴티지 -1일 때를 종이에 계산해 보세요.",
    34: "토큰마다의 확률을 알 때 답 전체의 확률은 어떻게 구하나요?",
    35: "토큰 하나의 로그 확률비는 음수일 수 있습니다. 음수일 수 없는 것은 샘플에 대한 평균입니다.",
    # week 4: in-context learning
    36: "between[앞의 기호, 지금의 기호]는 T의 한 블록입니다. 합을 yield로 내보내고, 그 합으로 나눕니다.",
    37: "토큰 t는 앞서 t - L에 있었습니다. 그때 뒤따른 것은 거기서 한 칸 뒤에 있습니다.",
    38: "k = 3에서 두 예측기를 n = 1일 때와 n = 64일 때 비교해 보세요.",
    39: "concept이 하나뿐이면 예시에서 추론할 것이 무엇이 남나요?",
    40: "정확한 추론의 답을 먼저 읽고, 그다음에 모델의 답을 읽어 보세요.",
    41: "prefix matching이 가장 높은 헤드는 몇 층에 있나요? 왜 0층은 아닐까요?",
    42: "지금까지 읽은 모든 토큰의 증거는 곱해집니다. 로그로 바꾸면 더해집니다.",
    43: "시드 세 개로 평균 하나를 추정했습니다. 퍼진 정도를 재는 데에는 몇 개가 남나요?",
    # week 5: rules
    44: "규칙이 지켜졌으면 점수의 부호를 뒤집습니다. 그다음 시그모이드의 로그에 마이너스를 붙입니다.",
    45: "답이 평균보다 얼마나 높은지를 시그모이드에 넣고, 거기에 1 - p를 모두 곱합니다.",
    46: "대화마다, 깨졌다고 맞힌 규칙의 수와 지켜졌다고 맞힌 규칙의 수를 곱합니다.",
    47: "두 항 가운데 어느 쪽이 해롭지 않은 질문에 답한 것을 보상하나요?",
    48: "모르는 글을 받았을 때 하는 말은 어디에서 올 수 있나요?",
    49: "배치마다 점수를 재는 평균과 퍼진 정도를 출력해 보세요.",
    50: "한 배치에서 대화가 같은 두 행을 디코딩해 보세요.",
    # week 6: derivatives, and what came after
    51: "d/dx log σ(x) = σ(−x). 한 답이 어떤 쌍에서는 이기고 다른 쌍에서는 집니다. wins를 두 방향으로 더합니다.",
    52: "T = 3일 때의 A_0을 모두 풀어서 적어 보세요. V_1은 두 개의 δ에 들어 있고, 곱해진 λ의 지수가 다릅니다.",
    53: "d exp(x)/dx = exp(x). 클리핑한 쪽이 더 작은 곳에서는 둘 가운데 작은 값이 상수입니다.",
    54: "nn.Linear의 순전파, 그리고 F.linear 두 번입니다. A와 B 가운데 어느 것이 먼저인가요?",
    55: "행 하나, 열 하나, r = 2일 때를 손으로 계산해 보세요. 순전파가 더하는 값과 합칠 때 더하는 값은 각각 얼마인가요?",
    56: "사전학습 텍스트에는 한 사실이 수백 번 나옵니다. 시범에는 몇 번 나오나요?",
    57: "한 스텝에 서로 다른 질문이 몇 개 나오나요? 답마다 점수에서 빼는 기준값은 무엇인가요?",
    58: "검색어와 그 앞뒤의 두 토큰은 모델이 뽑습니다. 찾은 줄과 그 끝은 그렇지 않습니다.",
    59: "FLOPs가 비슷한 줄끼리 비교해 보세요. 어느 크기가 가장 좋고, 그것은 바뀌나요?",
    # week 7: help, harm, and a constitution
    60: "softplus(x) = -log σ(-x). 모델이 스스로 p라고 말하는 곳에서 기울기가 0입니다.",
    61: "항목 1에서는 쌍이 뒤집혀 있습니다. 거기서 (A)에 대해 한 말은 다른 답에 대한 말입니다.",
    62: "이긴 수의 합을, 경기 수를 두 세기의 합으로 나눈 값들의 합으로 나눕니다. 그다음 첫 모델의 값으로 나눕니다.",
    63: "공격은 무언가를 시킵니다. 두 답 가운데 어느 쪽이 시킨 대로 했나요?",
    64: "고친 답은 그 앞에 적힌 것을 읽고 씁니다. 비평이 있으면 거기에 무엇이 적혀 있나요?",
    65: "p = 0.7이면 둘째 답은 첫째 답을 얼마나 자주 이겨야 하나요?",
    66: "한 쌍의 두 프롬프트를 하나씩 보세요. 각 답이 어디에 있나요?",
    67: "KL(p || q) = Σ p (log p - log q)입니다. 0 · log 0은 얼마인가요?",
    68: "프롬프트마다 기본 모델에 무엇을 하나요? 배울 것은 그것뿐입니다.",
}
