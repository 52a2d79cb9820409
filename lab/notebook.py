"""The notebook for Google Colab, written by this script, in English and Korean.

    python -m lab.notebook

writes  docs/colab.ipynb
"""

import json
from dataclasses import dataclass

from plumbing.config import check_options, parse_config

if __name__ == "__main__":  # answer --help and slips before anything else is loaded
    check_options(__file__)

from plumbing.errors import run
from plumbing.files import ROOT, write_text


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    out: str = "docs/colab.ipynb"  # the file to write


PRESETS = {"default": {}}

# Kind and text of each cell, in order.
CELLS = (
    (
        "markdown",
        """
        # nanochatgpt: from raw text to a ChatGPT, in minutes

        One small GPT reads a text, learns from demonstrations to answer, and talks with you. Run
        the cells from top to bottom (the arrow to the left of each, or Shift+Enter). It works
        without a GPU; with one (menu: Runtime, Change runtime type) it is faster.

        작은 GPT 하나가 글을 읽고, 시범을 보며 대답하는 법을 배우고, 여러분과 대화합니다. 셀을
        위에서 아래로 차례로 실행하세요(셀 왼쪽의 화살표나 Shift+Enter). GPU가 없어도 돌아가고,
        GPU를 쓰면(메뉴: 런타임, 런타임 유형 변경) 더 빠릅니다.
        """,
    ),
    (
        "markdown",
        """
        ## 1. Get it / 내려받기

        Put the address of the repository between the quotation marks.

        따옴표 사이에 저장소 주소를 넣으세요.
        """,
    ),
    (
        "code",
        """
        REPO = ""
        assert REPO, "fill in the address of the repository / 저장소 주소를 넣으세요"
        !git clone -q "$REPO" nanochatgpt
        %cd nanochatgpt
        !pip install -q -e '.[plots]'
        """,
    ),
    (
        "markdown",
        """
        ## 2. Train it / 학습하기

        `sft.py` needs a base model, so it runs `pretrain.py` first: that one learns the next token
        of a tiny world's text (GPT-3), then the same network learns from demonstrations to answer
        (InstructGPT, step 1). You see progress bars, then held-out questions with the answers of
        the base model and of the fine-tuned one.

        `sft.py`에는 기본 모델이 필요하므로 먼저 `pretrain.py`를 실행합니다. 사전학습은 작은 세계의
        글에서 다음 토큰을 배우고(GPT-3), 이어서 같은 네트워크가 시범을 보며 대답하는 법을
        배웁니다(InstructGPT 1단계). 진행 막대가 보이고, 끝으로 학습에 쓰지 않은 질문과 기본 모델,
        미세조정한 모델의 답이 나옵니다.
        """,
    ),
    (
        "code",
        """
        !python sft.py
        """,
    ),
    (
        "markdown",
        """
        ## 3. Talk to it / 대화하기

        It knows its tiny world alone, and speaks English. Change the prompt and run the cell again.

        이 모델은 작은 세계만 알고 영어로 말합니다. 프롬프트를 바꾸어 다시 실행해 보세요.
        """,
    ),
    (
        "code",
        """
        PROMPT = "What colour is the tractor?"
        !python chat.py out/sft/ckpt.pt --prompt="$PROMPT" --greedy
        """,
    ),
    (
        "code",
        """
        PROMPT = "What can you do?"
        !python chat.py out/sft/ckpt.pt --prompt="$PROMPT" --greedy
        """,
    ),
    (
        "markdown",
        """
        ## 4. Look at what happened / 무슨 일이 있었나

        A page of figures, drawn from the logs of the runs above; a switch on it shows Korean.

        위에서 실행한 로그로 그린 그림입니다. 페이지에서 한국어를 고를 수 있습니다.
        """,
    ),
    (
        "code",
        """
        !python -m lab.report
        from html import escape
        from pathlib import Path
        from IPython.display import HTML, display
        page = escape(Path("out/report.html").read_text(encoding="utf-8"))
        display(HTML(f'<iframe srcdoc="{page}" width="100%" height="800"></iframe>'))
        """,
    ),
    (
        "markdown",
        """
        ## 5. Go on / 더 해 보기

        Type these into a new cell, with a `!` before each: the reward model and PPO (ChatGPT; what
        is missing is made first), then all three models side by side, and the course of exercises.

        새 셀에 `!`를 붙여 입력하세요. 보상 모델과 PPO(ChatGPT, 없는 것은 먼저 만듭니다), 세 모델의
        비교, 연습 문제입니다.

        ```
        python ppo.py
        python chat.py --compare --prompt="What colour is the tractor?"
        python -m exercises
        ```

        Answers are marked by a program. This is a laboratory for mechanisms, and says nothing about
        the safety or the quality of large models.

        답은 프로그램이 채점합니다. 이것은 원리를 보는 실험실이며, 큰 모델의 안전이나 품질에
        대해서는 아무것도 말하지 않습니다.
        """,
    ),
)


def cell(number, kind, text):
    """One cell in the notebook format 4.5."""
    lines = [line.removeprefix(" " * 8) for line in text.strip().split("\n")]
    source = [line + "\n" for line in lines[:-1]] + lines[-1:]
    found = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
    if kind == "code":
        found |= {"execution_count": None, "outputs": []}
    return found


def notebook():
    """The text of docs/colab.ipynb."""
    cells = [cell(number, kind, text) for number, (kind, text) in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    book = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def main(cfg):
    """Write the notebook."""
    write_text(ROOT / cfg.out, notebook())
    print(f"written: {cfg.out}")


if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
