# Types the line that is the first argument, and a tab, into a zsh on a terminal; ends
# when the second argument is what stands there.
zmodload zsh/zpty
zpty shell "TERM=dumb PS1='ready>' zsh -f -i"
zpty -r shell shown '*ready>*'
zpty -w shell "autoload -Uz compinit; compinit -u -D; source <(fleetwright completion zsh); zstyle ':completion:*' list-rows-first no; PS1='loaded''>'"
zpty -r shell shown '*loaded>*'
zpty -w -n shell "$1"$'\t'
zpty -r shell shown "*$2*"
print -r -- "$2"
