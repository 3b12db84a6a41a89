"""The scripts that ask the program itself how a command line can go on, for the shells that people use.

Each calls the program as it was typed, so that `./inv`, `inv` and a path to it complete alike.
"""

from __future__ import annotations

BASH = """\
_complete_{name}() {{
    local IFS=$'\\n'
    COMPREPLY=($("${{1/#\\~/$HOME}}" --complete -- "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _complete_{name} {name}
"""

ZSH = """\
_complete_{name}() {{
    local -a found
    found=("${{(@f)$(${{~words[1]}} --complete -- "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
    if [[ -n ${{found[1]}} ]]; then compadd -- "${{found[@]}}"; else _files; fi
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
compdef _complete_{name} {name}
"""

FISH = """\
function __complete_{name}
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l program $words[1]
    set -e words[1]
    set -l found ($program --complete -- $words (commandline --current-token --cut-at-cursor) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline --current-token --cut-at-cursor)
    end
end
complete --command {name} --no-files --arguments '(__complete_{name})'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str, name: str) -> str:
    """The script for that shell and a program of that name."""
    return SCRIPTS[shell].format(name=name)
