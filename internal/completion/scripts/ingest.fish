# Completion of ingest for fish. To try it: ingest completion fish | source

function __ingest_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l candidates (printf '%s\n' $words[2..] "$typed" | $words[1] complete 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path "$typed"
    end
end

complete -c ingest -f -a '(__ingest_complete)'
