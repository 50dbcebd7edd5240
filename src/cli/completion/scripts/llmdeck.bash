# Completion of llmdeck in bash, from 3.2 on.

_llmdeck() {
    local rest=$COMP_LINE words=() piece line value i at=-1
    # bash cuts words at ':' and '=', which stand in names of models: pieces without a space between
    # them are put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if [[ $i == 0 || $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            ((++at))
            words[at]=
        fi
        rest=${rest#"$piece"}
        # Of the last one, what stands before the cursor, without the quote that began it.
        if [[ $i == "$COMP_CWORD" && $piece == *[!:=]* ]]; then
            piece=$2
        fi
        words[at]+=$piece
    done
    # What bash replaces is the last piece alone.
    local kept=$((${#words[at]} - ${#piece}))
    [[ $piece == *[!:=]* ]] || kept=${#words[at]}

    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        value=${value:kept}
        if [[ ${COMP_WORDS[COMP_CWORD]} == [\"\']* ]]; then
            # Inside quotes a name stands as it is, so it must not mean anything there.
            [[ $value != *[\"\'\$\`\\!]* ]] || continue
        elif [[ $value == '~'* ]]; then
            # What bash itself completes, without quoting the ~.
            continue
        elif [[ $value == *[!A-Za-z0-9_./:@%+=,-]* ]]; then
            printf -v value '%q' "$value"
        fi
        COMPREPLY[${#COMPREPLY[@]}]=$value
    done < <("${1/#\~/$HOME}" complete-words -- "${words[@]}" 2>/dev/null)

    # More follows after a folder or a flag with its value.
    if [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o bashdefault -o default -F _llmdeck llmdeck
