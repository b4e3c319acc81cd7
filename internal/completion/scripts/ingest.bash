# Completion of ingest for bash. To try it: source <(ingest completion bash)

_ingest() {
  local candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate%%$'\t'*}")
  done < <(printf '%s\n' "${COMP_WORDS[@]:1:COMP_CWORD}" | "${COMP_WORDS[0]}" complete 2>/dev/null)
}

complete -o bashdefault -o default -F _ingest ingest
