# Completes the line that is the first argument, as readline and bash-completion do.
source /usr/share/bash-completion/bash_completion
source <(fleetwright completion bash)
read -ra COMP_WORDS <<<"$1"
[[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
__start_fleetwright
printf '%s\n' "${COMPREPLY[@]}"
