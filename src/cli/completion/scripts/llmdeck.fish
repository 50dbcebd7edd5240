# Completion of llmdeck in fish.

function __llmdeck_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    $words[1] complete-words -- $words (commandline --current-token --cut-at-cursor) 2>/dev/null
end

complete --command llmdeck --keep-order --no-files --arguments '(__llmdeck_complete)'
