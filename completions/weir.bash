# bash completion for weir; made by `weir help --completion bash`
_weir() {
  local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" verb="${COMP_WORDS[1]}" options=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W 'run check fmt explain test functions adapters infer version help' -- "$word"))
    return
  fi
  case "$verb $previous" in
  'run --input') COMPREPLY=($(compgen -f -- "$word")); return ;;
  'run --format') COMPREPLY=($(compgen -W 'json csv' -- "$word")); return ;;
  'run --order') COMPREPLY=($(compgen -W 'arrival' -- "$word")); return ;;
  'run --type-field') return ;;
  'run --memory') return ;;
  'run --side') COMPREPLY=($(compgen -f -- "$word")); return ;;
  'run --dead-letters') COMPREPLY=($(compgen -f -- "$word")); return ;;
  'explain --rule') return ;;
  'test --junit') COMPREPLY=($(compgen -f -- "$word")); return ;;
  'infer --event') return ;;
  'infer --format') COMPREPLY=($(compgen -W 'json csv' -- "$word")); return ;;
  'infer --type-field') return ;;
  'help --completion') COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")); return ;;
  esac
  case "$verb" in
  run) options='--input --format --order --type-field --memory --side --dead-letters --summary --profile --json --help' ;;
  check) options='--json --help' ;;
  fmt) options='--check --json --help' ;;
  explain) options='--rule --json --dot --help' ;;
  test) options='--junit --coverage --json --help' ;;
  functions) options='--json --markdown --help' ;;
  adapters) options='--json --help' ;;
  infer) options='--event --format --type-field --json --help' ;;
  version) options='--json --help' ;;
  help) options='--completion --markdown --help' ;;
  esac
  case "$word" in
  -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
  *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _weir weir
