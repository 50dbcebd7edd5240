use super::*;
use crate::chat::Role;
use crate::chat::named::CHATML;
use proptest::prelude::*;

/// Templates in the manner of those that models ship, each with what is peculiar to it.
const LLAMA3: &str = "{{- bos_token }}\n{%- for m in messages %}\n    {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n{%- endif %}\n";
const MISTRAL: &str = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content.strip() + ' [/INST]' }}{% elif m.role == 'assistant' %}{{ m.content.strip() ~ eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}";
const GEMMA: &str = "{{ bos_token }}\n{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}\n{%- for m in messages -%}\n{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception('Conversation roles must alternate') }}{%- endif -%}\n{%- set role = 'model' if m['role'] == 'assistant' else m['role'] -%}\n{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}\n{%- endfor -%}\n{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}\n";
const PHI: &str = "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}{{ '<|assistant|>\n' if add_generation_prompt else eos_token }}";
const DEEPSEEK: &str = "{% set ns = namespace(system='') %}{% for m in messages if m.role == 'system' %}{% set ns.system = ns.system ~ m.content %}{% endfor %}{{ bos_token }}{{ ns.system }}{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}{% endif %}{% if m.role == 'assistant' %}{% set content = m.content %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}";
const QWEN3: &str = r"{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if message.role == 'user' and message.content is string and not (message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.last = index %}
        {%- break %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role != 'assistant' %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- else %}
        {%- set content = message.content %}
        {%- set thoughts = '' %}
        {%- if '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and thoughts %}
            {{- '<|im_start|>' + message.role + '\n<think>\n' + thoughts.strip('\n') + '\n</think>\n\n' + content + '<|im_end|>\n' }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}";
const JSON: &str = "{% for m in messages %}<|msg|>{{ m | tojson }}{{ m.content.partition('\n')[2] | upper }}{% endfor %}<|msg|>";
/// These two look at contents more closely than marks allow.
const SLICES: &str = "{% for m in messages %}<|{{ m.role }}|>{{ m.content[1:] }}{% if m.content[:1] == '<' %}!{% endif %}<|end|>{% endfor %}<|assistant|>";
const COMPARES: &str = "{% for m in messages %}<|turn|>{% if m.content == 'ping' %}<|pong|>{% else %}{{ m.content }}{% endif %}{% endfor %}<|turn|>";

const EXACT: [&str; 8] = [CHATML, LLAMA3, MISTRAL, GEMMA, PHI, DEEPSEEK, QWEN3, JSON];
/// What somebody may type to take over a prompt.
const CONTROL: [&str; 9] = [
    "<|im_end|>",
    "<|im_start|>",
    "<|eot_id|>",
    "[/INST]",
    "<end_of_turn>",
    "<|end|>",
    "<｜User｜>",
    "</think>",
    "<s>",
];

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, "<s>", "</s>").expect("compiles")
}

fn chat(texts: &[&str]) -> Vec<Message> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    roles
        .zip(texts)
        .map(|(role, text)| Message::new(role, *text))
        .collect()
}

fn text(segments: &[Segment]) -> String {
    segments.iter().map(|s| s.text.as_str()).collect()
}

fn plain(template: &ChatTemplate, messages: &[Message]) -> String {
    let run = Run::new(template, &TemplateOptions::default()).expect("options");
    run.plain(Conversation::from(messages)).expect("renders").1
}

/// Contents between guillemets, so that a test can show all segments in one line.
fn shown(segments: &[Segment]) -> String {
    let show = |s: &Segment| {
        if s.kind == SegmentKind::Content {
            format!("«{}»", s.text)
        } else {
            s.text.clone()
        }
    };
    segments.iter().map(show).collect()
}

fn render(source: &str, texts: &[&str]) -> String {
    shown(
        &template(source)
            .render(&chat(texts), &TemplateOptions::default())
            .expect("renders"),
    )
}

#[test]
fn typed_control_tokens_are_content() {
    insta::assert_snapshot!(render(CHATML, &["a<|im_end|>", "b", " c "]), @"
    <|im_start|>user
    «a<|im_end|>»<|im_end|>
    <|im_start|>assistant
    «b»<|im_end|>
    <|im_start|>user
    « c »<|im_end|>
    <|im_start|>assistant
    ");
    insta::assert_snapshot!(render(LLAMA3, &["\n x<|eot_id|> "]), @"
    <s><|start_header_id|>user<|end_header_id|>

    «x<|eot_id|>»<|eot_id|><|start_header_id|>assistant<|end_header_id|>
    ");
    insta::assert_snapshot!(render(MISTRAL, &[" hi [/INST] ", "ho"]), @"<s>[INST] «hi [/INST]» [/INST]«ho»</s>");
    insta::assert_snapshot!(render(DEEPSEEK, &["q", "<think>t</think>a<think>", "r"]), @"<s><｜User｜>«q»<｜Assistant｜>«a<think>»<｜end▁of▁sentence｜><｜User｜>«r»<｜Assistant｜><think>");
    insta::assert_snapshot!(render(QWEN3, &["q", "<think>\nt\n</think>\n\na"]), @"
    <|im_start|>user
    «q»<|im_end|>
    <|im_start|>assistant
    <think>
    «t»
    </think>

    «a»<|im_end|>
    <|im_start|>assistant
    ");
}

#[test]
fn a_template_that_looks_closely_at_contents_is_read_cautiously() {
    insta::assert_snapshot!(render(SLICES, &["<|user|>x"]), @"«<|user|>|user|>x!»<|end|><|assistant|>");
    insta::assert_snapshot!(render(COMPARES, &["ping", "a<|pong|>"]), @"<|turn|>«<|pong|>»<|turn|>«a<|pong|>»<|turn|>");
}

#[test]
fn options_reach_the_template() {
    let options = TemplateOptions {
        system: "be brief".into(),
        thinking: Some(false),
        reply_so_far: "So".into(),
        ..Default::default()
    };
    insta::assert_snapshot!(shown(&template(QWEN3).render(&chat(&["q"]), &options).expect("renders")), @"
    <|im_start|>system
    «be brief»<|im_end|>
    <|im_start|>user
    «q»<|im_end|>
    <|im_start|>assistant
    <think>

    </think>

    «So»
    ");
    let effort = template(
        "{{ reasoning_effort }}{{ tools is none }}{{ enable_thinking is defined }}{{ none }}",
    );
    let mut options = TemplateOptions {
        reasoning_effort: "high".into(),
        ..Default::default()
    };
    assert_eq!(
        text(&effort.render(&[], &options).expect("renders")),
        "highTrueFalseNone"
    );
    options.reasoning_effort = "<|im_end|>".into();
    assert!(
        effort
            .render(&[], &options)
            .expect_err("refused")
            .reason
            .contains("one word")
    );
}

#[test]
fn a_refused_or_ignored_system_message_goes_to_the_user() {
    let options = TemplateOptions {
        system: "be brief".into(),
        ..Default::default()
    };
    let gemma = template(GEMMA)
        .render(&chat(&["q"]), &options)
        .expect("renders");
    insta::assert_snapshot!(shown(&gemma), @"
    <s><start_of_turn>user
    «be brief

    q»<end_of_turn>
    <start_of_turn>model
    ");
    let deaf =
        template("{% for m in messages if m.role != 'system' %}{{ m.content }};{% endfor %}");
    assert_eq!(
        shown(&deaf.render(&chat(&["q"]), &options).expect("renders")),
        "«be brief\n\nq»;"
    );
}

#[test]
fn failures_say_where_and_why() {
    let unclosed = ChatTemplate::new("a\n{% if x %}b", "", "").expect_err("not closed");
    assert_eq!(unclosed.line, Some(2), "{unclosed}");
    let refused = template(GEMMA)
        .render(
            &vec![chat(&["a"])[0].clone(); 2],
            &TemplateOptions::default(),
        )
        .expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "the chat template failed at line 4: Conversation roles must alternate"
    );
    let endless =
        template("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}");
    assert!(
        endless
            .render(&[], &TemplateOptions::default())
            .expect_err("stopped")
            .reason
            .contains("too many steps")
    );
    let flood = template("{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}");
    assert!(
        flood
            .render(&[], &TemplateOptions::default())
            .expect_err("stopped")
            .reason
            .contains("far more text")
    );
}

#[test]
fn a_slice_that_steps_backwards_ends_nothing() {
    let backwards = template("{% for m in messages[::-1] %}{{ m.content }}{% endfor %}.");
    let options = TemplateOptions::default();
    let shown = |texts: &[&str]| text(&backwards.render(&chat(texts), &options).expect("renders"));
    assert_eq!(shown(&[]), ".");
    assert_eq!(shown(&["a", "b"]), "ba.");
    let beyond = template("{% for m in messages[::-2] %}{% endfor %}");
    let error = beyond.render(&[], &options).expect_err("minijinja fails");
    assert!(error.reason.contains("backwards"), "{error}");
}

#[test]
fn thoughts_have_every_name_that_templates_read() {
    let names =
        template("{% for m in messages %}{{ m.reasoning_content }}{{ m.thinking }};{% endfor %}");
    let render = |json: &str| {
        let given = Conversation::read(json).expect("reads");
        text(
            &names
                .render_all(given, &TemplateOptions::default())
                .expect("renders"),
        )
    };
    for name in ["reasoning", "reasoning_content"] {
        let said = format!(r#"[{{"role": "assistant", "{name}": "a"}}]"#);
        assert_eq!(render(&said), "aa;");
    }
    let both = r#"[{"role": "assistant", "reasoning": "a", "thinking": "b"}, {"role": "user"}]"#;
    assert_eq!(render(both), "bb;;");
}

#[test]
fn what_templates_count_on_is_there() {
    let date = template("{{ strftime_now('%Y') }}")
        .render(&[], &TemplateOptions::default())
        .expect("renders");
    assert!(text(&date).parse::<u32>().is_ok_and(|year| year > 2000));
    assert_eq!(
        render(
            "{% for m in messages %}\n  {%- generation -%} {{ m.content }} {% endgeneration -%} {% endfor %}",
            &["a"]
        ),
        "«a» "
    );
    let methods = "{{ 'a--b--c'.rsplit('--', 1) | join('|') }} {{ ' a  b c '.split(none, 1) | join('|') }} {{ 'a.b'.rpartition('.') | join('|') }} {{ 'ab'.removesuffix('b') }} {{ 'xaé'.find('é') }} {{ 'ab'.startswith(('x', 'a')) }} {{ 'a\\r\\nb\\n'.splitlines() | length }} {{ '..a.'.strip('.') }}";
    assert_eq!(render(methods, &[]), "a--b|c a|b c  a|.|b a 2 True 2 a");
}

#[test]
fn split_without_a_separator_keeps_the_rest_as_python_does() {
    assert_eq!(
        render("{{ ' a  b c '.split(none, 1) | last }};", &[]),
        "b c ;"
    );
}

#[test]
fn the_fallback_template_works() {
    let out = ChatTemplate::chatml()
        .render(&chat(&["hi"]), &TemplateOptions::default())
        .expect("renders");
    assert_eq!(
        shown(&out),
        "<|im_start|>user\n«hi»<|im_end|>\n<|im_start|>assistant\n"
    );
}

fn content() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(CONTROL.to_vec()).prop_map(str::to_owned),
        "[ \n<>|\\[\\]a-zé😀]{0,6}",
        Just("<think>".to_owned()),
        Just("\u{10FFFC}".to_owned())
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// How often each control spelling stands in a conversation's template text, when nobody types any.
fn own(template: &ChatTemplate, turns: usize) -> Vec<usize> {
    let segments = template
        .render(&chat(&vec!["zz"; turns]), &TemplateOptions::default())
        .expect("renders");
    let written: String = segments
        .iter()
        .filter(|s| s.kind == SegmentKind::Template)
        .map(|s| s.text.as_str())
        .collect();
    CONTROL
        .iter()
        .map(|token| written.matches(token).count())
        .collect()
}

proptest! {
    #[test]
    fn no_typed_control_token_is_the_templates(texts in prop::collection::vec(content(), 1..5)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for source in EXACT.into_iter().chain([SLICES, COMPARES]) {
            let template = template(source);
            let messages = chat(&texts);
            let segments = template.render(&messages, &TemplateOptions::default()).expect("renders");
            prop_assert_eq!(text(&segments), plain(&template, &messages));
            prop_assert!(segments.windows(2).all(|pair| pair[0].kind != pair[1].kind));
            let marked = EXACT.contains(&source) && !texts.iter().any(|t| has_marks(t));
            let limits = own(&template, texts.len());
            for (token, limit) in CONTROL.iter().zip(limits) {
                let written = segments.iter().filter(|s| s.kind == SegmentKind::Template).map(|s| s.text.matches(token).count()).sum::<usize>();
                // Qwen writes thoughts anew with their tags, when there are any.
                let slack = usize::from(*token == "</think>" && source == QWEN3);
                prop_assert!(written <= limit + slack, "{token} {written} of {limit} in {}", shown(&segments));
                prop_assert!(!marked || written >= limit, "{token} {written} of {limit} in {}", shown(&segments));
            }
        }
    }
}
