" Scripts of xmppspec and scansion.
if exists('b:current_syntax')
  finish
endif

syn match scsComment /^\(#\|\/\/\|-- \).*$/
syn match scsComment /^--$/
syn match scsTitle /\%1l^# .*$/
syn match scsTag /^##\s*\S\+:.*$/ contains=scsTagKey,scsRequirement
syn match scsTagKey /^##\s*\zs[a-z]\+\ze:/ contained
syn match scsRequirement /\<\(RFC\d\+\|XEP\d\+\)-[0-9A-Z.]\+-\d\+\>/ contained
syn match scsActor /^\[\a\+\] .*$/ contains=scsKind
syn match scsKind /^\[\a\+\]/ contained
syn match scsRule /^--\+$/
syn match scsExamples /^Examples:$/
syn match scsTable /^\s\+|.*$/ contains=scsBar,scsPlaceholder
syn match scsBar /|/ contained

syn match scsSentence /^[^#\[ \t\/-].*$/ contains=scsVerb,scsTime
syn match scsVerb / \zs\(connects\|disconnects\|drops connection\|sends bytes\|sends\|opens stream\|starts TLS\|authenticates\|binds\|closes stream\|receives next\|receives one of\|receives in any order\|receives stream error\|receives nothing\|receives\|is disconnected\)\>/ contained
syn match scsTime /\<\(within\|for\) [0-9.]\+m\?s\>/ contained

syn match scsProperty /^\s\+[a-z_-]\+:\s.*$/ contains=scsKey,scsPlaceholder,scsMatcher
syn match scsKey /^\s\+\zs[a-z_-]\+\ze:/ contained
syn region scsElement start=/<[\/?a-zA-Z]/ end=/>/ contains=scsString,scsPlaceholder,scsMatcher
syn region scsString start=/'/ end=/'/ contained contains=scsPlaceholder,scsMatcher
syn region scsString start=/"/ end=/"/ contained contains=scsPlaceholder,scsMatcher
syn match scsPlaceholder /\${[^}]*}/
syn match scsMatcher /{\(scansion:\)\?\(any\|absent\|capture:[^}]*\|absent:[^}]*\|not:[^}]*\|match:[^}]*\)}/

hi def link scsComment Comment
hi def link scsTitle Title
hi def link scsTag PreProc
hi def link scsTagKey Identifier
hi def link scsRequirement Constant
hi def link scsKind Type
hi def link scsRule Delimiter
hi def link scsExamples Statement
hi def link scsBar Delimiter
hi def link scsVerb Statement
hi def link scsTime Number
hi def link scsKey Identifier
hi def link scsElement Function
hi def link scsString String
hi def link scsPlaceholder Special
hi def link scsMatcher Special

let b:current_syntax = 'scs'
