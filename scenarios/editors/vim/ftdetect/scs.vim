autocmd BufRead,BufNewFile *.scs setfiletype scs
