//! Chat templates by the names that llama.cpp gives them: for models that bring none, or one that
//! fails. Written after the formats that the models' makers describe.

/// ChatML, which most models without a template of their own follow.
pub const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ '\\n' ~ m.content ~ '<|im_end|>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// A template: its name, a sign by which a failing template of the same family is recognised
/// (empty = none), and its source.
struct Named {
    name: &'static str,
    sign: &'static str,
    source: &'static str,
}

const fn named(name: &'static str, sign: &'static str, source: &'static str) -> Named {
    Named { name, sign, source }
}

/// Every named template; the first whose sign is found is the one that is alike.
const ALL: &[Named] = &[
    named(
        "kimi-k2",
        "<|im_middle|>",
        "{% for m in messages %}{% if m.role == 'user' %}{{ '<|im_user|>user<|im_middle|>' }}{% elif m.role == 'assistant' %}{{ '<|im_assistant|>assistant<|im_middle|>' }}{% else %}{{ '<|im_system|>' ~ m.role ~ '<|im_middle|>' }}{% endif %}{{ m.content ~ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_assistant|>assistant<|im_middle|>' }}{% endif %}",
    ),
    named(
        "phi4",
        "<|im_sep|>",
        "{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ '<|im_sep|>' ~ m.content ~ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
    ),
    named(
        "smolvlm",
        "<end_of_utterance>",
        "{{ '<|im_start|>' }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% else %}{{ ('User: ' if m.role == 'user' else 'Assistant: ') ~ m.content ~ '<end_of_utterance>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
    ),
    named("chatml", "<|im_start|>", CHATML),
    named(
        "llama3",
        "<|start_header_id|>",
        "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\\n\\n' ~ m.content | trim ~ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    ),
    named(
        "llama4",
        "<|header_start|>",
        "{{ bos_token }}{% for m in messages %}{{ '<|header_start|>' ~ m.role ~ '<|header_end|>\\n\\n' ~ m.content | trim ~ '<|eot|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|header_start|>assistant<|header_end|>\\n\\n' }}{% endif %}",
    ),
    named(
        "gpt-oss",
        "<|channel|>",
        "{% for m in messages %}{% if m.role == 'assistant' %}{{ '<|start|>assistant<|channel|>final<|message|>' ~ m.content ~ '<|end|>' }}{% else %}{{ '<|start|>' ~ m.role ~ '<|message|>' ~ m.content ~ '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}",
    ),
    named(
        "granite",
        "<|start_of_role|>",
        "{% for m in messages %}{{ '<|start_of_role|>' ~ m.role ~ '<|end_of_role|>' ~ m.content ~ '<|end_of_text|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}",
    ),
    named(
        "command-r",
        "<|START_OF_TURN_TOKEN|>",
        "{{ bos_token }}{% for m in messages %}{{ '<|START_OF_TURN_TOKEN|>' ~ ({'system': '<|SYSTEM_TOKEN|>', 'user': '<|USER_TOKEN|>'}.get(m.role, '<|CHATBOT_TOKEN|>')) ~ m.content | trim ~ '<|END_OF_TURN_TOKEN|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}",
    ),
    named(
        "gemma",
        "<start_of_turn>",
        "{{ bos_token }}{% set ns = namespace(before='') %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.before = ns.before ~ m.content | trim ~ '\\n\\n' %}{% else %}{{ '<start_of_turn>' ~ ('model' if m.role == 'assistant' else m.role) ~ '\\n' }}{% if m.role == 'user' %}{{ ns.before }}{% set ns.before = '' %}{% endif %}{{ m.content | trim ~ '<end_of_turn>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
    ),
    named(
        "deepseek3",
        "<｜Assistant｜>",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ '<｜User｜>' ~ m.content }}{% else %}{{ '<｜Assistant｜>' ~ m.content ~ '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}",
    ),
    named(
        "deepseek2",
        "<｜end▁of▁sentence｜>",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ 'User: ' ~ m.content ~ '\\n\\n' }}{% else %}{{ 'Assistant: ' ~ m.content ~ '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
    ),
    named(
        "chatglm4",
        "[gMASK]<sop>",
        "{{ '[gMASK]<sop>' }}{% for m in messages %}{{ '<|' ~ m.role ~ '|>\\n' ~ m.content }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    ),
    named(
        "exaone3",
        "[|assistant|]",
        "{% for m in messages %}{{ '[|' ~ m.role ~ '|]' ~ m.content | trim ~ ('\\n' if m.role == 'user' else '[|endofturn|]\\n') }}{% endfor %}{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}",
    ),
    named(
        "seed_oss",
        "<seed:bos>",
        "{% for m in messages %}{{ '<seed:bos>' ~ m.role ~ '\\n' ~ (m.content | trim if m.role == 'assistant' else m.content) ~ '<seed:eos>' }}{% endfor %}{% if add_generation_prompt %}{{ '<seed:bos>assistant\\n' }}{% endif %}",
    ),
    named(
        "minicpm",
        "<用户>",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<用户>' ~ m.content | trim ~ '<AI>' }}{% else %}{{ m.content | trim }}{% endif %}{% endfor %}",
    ),
    named(
        "openchat",
        "GPT4 Correct",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content ~ '<|end_of_turn|>' }}{% else %}{{ 'GPT4 Correct ' ~ m.role | capitalize ~ ': ' ~ m.content ~ '<|end_of_turn|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:' }}{% endif %}",
    ),
    named(
        "mistral-v7-tekken",
        "[SYSTEM_PROMPT]",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ '[SYSTEM_PROMPT]' ~ m.content ~ '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}{{ '[INST]' ~ m.content ~ '[/INST]' }}{% else %}{{ m.content ~ '</s>' }}{% endif %}{% endfor %}",
    ),
    named(
        "mistral-v7",
        "",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ '[SYSTEM_PROMPT] ' ~ m.content ~ '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}{{ '[INST] ' ~ m.content ~ '[/INST]' }}{% else %}{{ ' ' ~ m.content ~ '</s>' }}{% endif %}{% endfor %}",
    ),
    named(
        "llama2",
        "<<SYS>>",
        "{{ bos_token }}{% set ns = namespace(inside=false) %}{% for m in messages %}{% if not ns.inside %}{{ '[INST] ' }}{% set ns.inside = true %}{% endif %}{% if m.role == 'system' %}{{ '<<SYS>>\\n' ~ m.content ~ '\\n<</SYS>>\\n\\n' }}{% elif m.role == 'user' %}{{ m.content ~ ' [/INST]' }}{% else %}{{ ' ' ~ m.content ~ ' </s>' }}{% set ns.inside = false %}{% endif %}{% endfor %}",
    ),
    named(
        "mistral-v3",
        "[INST]",
        "{{ bos_token }}{% set ns = namespace(inside=false) %}{% for m in messages %}{% if not ns.inside %}{{ '[INST] ' }}{% set ns.inside = true %}{% endif %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ m.content ~ '[/INST]' }}{% else %}{{ ' ' ~ m.content | trim ~ '</s>' }}{% set ns.inside = false %}{% endif %}{% endfor %}",
    ),
    named(
        "mistral-v3-tekken",
        "",
        "{{ bos_token }}{% set ns = namespace(inside=false) %}{% for m in messages %}{% if not ns.inside %}{{ '[INST]' }}{% set ns.inside = true %}{% endif %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ m.content ~ '[/INST]' }}{% else %}{{ m.content ~ '</s>' }}{% set ns.inside = false %}{% endif %}{% endfor %}",
    ),
    named(
        "mistral-v1",
        "",
        "{{ bos_token }}{% set ns = namespace(inside=false) %}{% for m in messages %}{% if not ns.inside %}{{ ' [INST] ' }}{% set ns.inside = true %}{% endif %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ m.content ~ ' [/INST]' }}{% else %}{{ ' ' ~ m.content ~ '</s>' }}{% set ns.inside = false %}{% endif %}{% endfor %}",
    ),
    named(
        "phi3",
        "<|end|>",
        "{% for m in messages %}{{ '<|' ~ m.role ~ '|>\\n' ~ m.content ~ '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    ),
    named(
        "zephyr",
        "<|endoftext|>",
        "{% for m in messages %}{{ '<|' ~ m.role ~ '|>\\n' ~ m.content ~ '<|endoftext|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    ),
    named(
        "falcon3",
        "<|assistant|>",
        "{% for m in messages %}{{ '<|' ~ m.role ~ '|>\\n' ~ m.content ~ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    ),
    named(
        "deepseek",
        "### Instruction:",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}{{ '### Instruction:\\n' ~ m.content ~ '\\n' }}{% else %}{{ '### Response:\\n' ~ m.content ~ '\\n<|EOT|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}",
    ),
    named(
        "vicuna",
        "USER:",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content ~ '\\n\\n' }}{% elif m.role == 'user' %}{{ 'USER: ' ~ m.content ~ '\\n' }}{% else %}{{ 'ASSISTANT: ' ~ m.content ~ '</s>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
    ),
    named(
        "rwkv-world",
        "User: ",
        "{% for m in messages %}{{ {'system': 'System: ', 'user': 'User: '}.get(m.role, 'Assistant: ') ~ m.content | trim ~ '\\n\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
    ),
];

/// The source of the template of that name.
pub fn source(name: &str) -> Option<&'static str> {
    let found = ALL.iter().find(|template| template.name == name);
    found.map(|template| template.source)
}

/// Every name, in alphabetical order.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.iter().map(|template| template.name).collect();
    names.sort_unstable();
    names
}

/// The name of the template that writes the same control tokens as this source, else `chatml`.
pub fn like(source: &str) -> &'static str {
    let alike = |template: &&Named| !template.sign.is_empty() && source.contains(template.sign);
    ALL.iter().find(alike).map_or("chatml", |found| found.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ChatTemplate, Message, Role, TemplateOptions};

    fn talk() -> Vec<Message> {
        let say = |role, content: &str| Message::new(role, content);
        vec![
            say(Role::System, "S"),
            say(Role::User, "U"),
            say(Role::Assistant, "A"),
            say(Role::User, "V"),
        ]
    }

    #[test]
    fn every_template_says_everything_in_order() {
        let mut all = String::new();
        for name in names() {
            let source = source(name).expect("named");
            let template = ChatTemplate::new(source, "<s>", "</s>").expect("compiles");
            let segments = template
                .render(&talk(), &TemplateOptions::default())
                .expect("renders");
            let text: String = segments.iter().map(|s| s.text.as_str()).collect();
            all.push_str(&format!("{name}: {text:?}\n"));
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn a_template_is_like_itself_or_one_that_writes_the_same() {
        for template in ALL {
            if !template.sign.is_empty() {
                assert_eq!(like(template.source), template.name);
            }
        }
        assert_eq!(like("{{ nothing }}"), "chatml");
    }
}
