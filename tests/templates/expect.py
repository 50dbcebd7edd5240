#!/usr/bin/env python3
"""Writes what transformers renders of every template here for every conversation, to expected.json.

    pip install transformers jinja2 && python3 tests/templates/expect.py
"""

import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = pathlib.Path(__file__).parent


def render(template, conversation):
    variables = {"tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>"}
    variables |= {k: v for k, v in conversation.items() if k != "chat_template_kwargs"}
    variables |= conversation.get("chat_template_kwargs", {})
    try:
        return {"text": template.render(add_generation_prompt=True, **variables)}
    except Exception as error:
        return {"error": str(error)}


files = sorted((HERE / "conversations").glob("*.json"))
conversations = {path.stem: json.loads(path.read_text()) for path in files}
expected = {}
for path in sorted(HERE.glob("*.jinja")):
    template = _compile_jinja_template(path.read_text())
    expected[path.stem] = {name: render(template, one) for name, one in conversations.items()}
text = json.dumps(expected, indent=1, ensure_ascii=False)
(HERE / "expected.json").write_text(text + "\n")
