import re,os
os.chdir('/work/wt/pull')
H=re.compile(r'<<<<<<< HEAD\n(.*?)=======\n(.*?)>>>>>>> main\n',re.S)
def fix(p, rules):
    s=open(p).read(); n=[0]
    def one(m):
        r=rules[n[0]] if n[0]<len(rules) else 'both'; n[0]+=1
        a,b=m.group(1),m.group(2)
        if r=='both': return a+b
        if r=='theirs': return b
        if r=='ours': return a
        return r(a,b)
    s=H.sub(one,s); open(p,'w').write(s); print(p,n[0])
fix('src/app/action.rs',[])
fix('src/app/perform.rs',[])
fix('src/app/state.rs',[lambda a,b:b.replace('Composer, ','Composer, DownloadsState, ')])
fix('src/app/update.rs',[lambda a,b:b.replace('bench, ','bench, downloads, ')])
fix('src/app/view.rs',[lambda a,b:b.replace('bench, ','bench, downloads, '),'both','both','both',lambda a,b:b+'        View::Downloads => downloads::type_key(state, key),\n'])
fix('src/keymap/default.toml',[lambda a,b:b.replace('bench, help','bench, downloads, help')])
fix('src/runtime/deck.rs',['theirs',lambda a,b:a.split('\n')[0]+'\n'+b,lambda a,b:a[:a.index('            Effect::ReadMeasurements')]+b])
fix('src/runtime/mod.rs',[])
def status(a,b):
    # ours: Downloads and Prompt arms; theirs: Metrics, Bench arms open-ended
    ours=a.split('\n',1)[1]  # drop Bench line
    return ours+'            (Action::Cancel, "back"),\n        ],\n'+b
fix('src/ui/status.rs',[status])
fix('src/ui/views/mod.rs',[])
fix('tests/panes/states.rs',[lambda a,b:b+'    Download, DownloadsPart, Offers, Phase,\n'])
