" Scripts of xmppspec and scansion: bodies are indented with tabs, :make runs the linter.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1
setlocal noexpandtab commentstring=#\ %s
setlocal makeprg=NO_COLOR=1\ xmppspec\ check\ %:S
setlocal errorformat=%Eerror:\ %m,%Wwarning:\ %m,%C%*\\s-->\ %f:%l:%c,%C%.%#
let b:undo_ftplugin = 'setlocal expandtab< commentstring< makeprg< errorformat<'
