#compdef llmdeck
# Completion of llmdeck in zsh.

_llmdeck() {
    local line
    local -a plain open plain_shown open_shown
    local -a before=("${(@Q)words[1,CURRENT-1]}")
    local -a lines=("${(@f)$(${~words[1]} complete-words -- "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in "${lines[@]}"; do
        [[ -n $line ]] || continue
        local value=${line%%$'\t'*}
        # What zsh itself completes, without quoting the ~.
        [[ $value != '~'* ]] || continue
        local shown=${line/$'\t'/  -- }
        # More follows after a folder or a flag with its value.
        if [[ $value == *[=/] ]]; then
            open+=("$value") open_shown+=("$shown")
        else
            plain+=("$value") plain_shown+=("$shown")
        fi
    done
    (( ${#plain} )) && compadd -V llmdeck -l -d plain_shown -M 'm:{[:lower:][:upper:]}={[:upper:][:lower:]}' -a plain
    (( ${#open} )) && compadd -V llmdeck -l -S '' -d open_shown -a open
    (( ${#plain} + ${#open} )) || _files
}

if [[ $funcstack[1] == _llmdeck ]]; then
    # Loaded from a folder of functions.
    _llmdeck "$@"
else
    compdef _llmdeck llmdeck
fi
