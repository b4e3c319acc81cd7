#compdef ingest
# Completion of ingest for zsh. To try it: source <(ingest completion zsh)

_ingest() {
  local line
  local -a candidates descriptions
  for line in "${(@f)$(print -rl -- "${(@)words[2,CURRENT]}" | "${words[1]}" complete 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    candidates+=("${line%%$'\t'*}")
    descriptions+=("${line/$'\t'/  -- }")
  done
  if (( $#candidates )); then
    compadd -l -d descriptions -a candidates
  else
    _files
  fi
}

if [[ $funcstack[1] == _ingest ]]; then
  _ingest "$@"
else
  compdef _ingest ingest
fi
