#!/usr/bin/env python3
"""Writes what transformers renders of every template here for every conversation, to expected.json.

    pip install transformers jinja2 && python3 tests/templates/expect.py
"""

import json
import pathlib

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent


def render(template, conversation):
    variables = {"add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}
    variables |= conversation.get("chat_template_kwargs", {})
    given = {name: conversation.get(name) for name in ("tools", "documents")}
    try:
        [text], _ = render_jinja_template(
            [conversation["messages"]], chat_template=template, **given, **variables
        )
        return {"text": text}
    except Exception as error:
        # What `raise_exception` raises is that class itself, and its text the template's.
        return {"refused" if type(error) is TemplateError else "failed": str(error)}


files = sorted((HERE / "conversations").glob("*.json"))
conversations = {path.stem: json.loads(path.read_text()) for path in files}
expected = {}
for path in sorted(HERE.glob("*.jinja")):
    template = path.read_text()
    expected[path.stem] = {name: render(template, one) for name, one in conversations.items()}
text = json.dumps(expected, indent=1, ensure_ascii=False)
(HERE / "expected.json").write_text(text + "\n")
