"""From the text files to endless training conversations.

A phrasing is drawn from a topic (written by hand, or a general template around one of its
names), roughened a little (case, punctuation, prefixes, dropped words, typos) and joined
with its answer. Several unrelated turns fill one conversation, so that the model learns to
answer the last question whatever came before. Everything is drawn from one seeded
generator: the same seed gives the same training text.
"""

import random
import re
import tomllib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

# Around a name, by kind of topic; `{}` is the name.
TEMPLATES = {
    "any": [
        "what is {}?", "what is {}?", "what's {}?", "whats {}", "explain {}", "explain {} please",
        "{}?", "{}", "what does {} mean?", "tell me about {}", "can you explain {}?", "help with {}",
        "i want to know about {}", "describe {}", "what do you know about {}?", "{} explained",
        "i don't understand {}", "could you explain {} to me?", "meaning of {}", "what is meant by {}?",
        "give me a short explanation of {}", "what about {}?", "define {}", "info on {}",
        "i keep reading about {}, what is it?", "{} - what is it?", "why {}?", "more about {}",
        "what is {} for?", "how does {} work?", "what should i know about {}?", "in short, what is {}?",
        # Frames that also name other things: the topic's own name has to win over them.
        "do i need {} for my model?", "can i use {} with my model?", "is it good to have {}?", "should i care about {}?",
        "does llama.cpp need {}?", "does {} matter for the speed?", "what does {} cost in memory?", "is {} enabled here?",
        "how do i use {} in this program?", "when is {} useful?", "what is the purpose of {}?", "where do i find {}?",
        "how can i check {}?", "why do people use {}?", "what is the point of {}?", "how is {} related to the model?",
        "does {} change the answers?", "what is good about {}?", "what is bad about {}?", "is {} important?",
        "how large is {}?", "how much does {} help?", "does {} make the model faster?", "what is the default of {}?",
        "why do i see {}?", "what happens with {}?", "can {} be changed?", "what is required for {}?", "how do i get {}?",
        "what kind of thing is {}?", "is {} a setting?", "how do i write {}?", "does {} need a gpu?", "what is in {}?",
        "my config mentions {}, what is that?", "somebody told me to look at {}", "is {} worth trying?", "which {} should i choose?",
        "what do i gain from {}?", "is there a downside of {}?", "how do i work with {}?", "does {} depend on the model?",
        "a question about {}", "i have a problem with {}", "can you show me how {} is used?", "what is different with {}?",
        "how do models use {}?", "why does {} exist?", "is {} the same for all models?", "does my gpu support {}?",
        "what is {} when i run a model?", "i have set {} and nothing happens", "how do i read {}?", "the effect of {} on the text",
    ],
    "param": [
        "what does {} do?", "what does the {} parameter do?", "what is the {} setting for?",
        "what is a good value for {}?", "what should i set {} to?", "when should i change {}?",
        "should i raise {}?", "should i lower {}?", "what happens if i increase {}?",
        "how does {} change the output?", "what is the default of {}?", "{} default", "{} setting",
        "the parameter {}", "what is {} good for?", "do i need {}?", "is {} worth changing?",
        "what does --{} do?", "which value for {}?", "effect of {}", "recommended {}",
        "what if {} is too high?", "what if {} is too low?", "is {} 0 ok?", "{}=1", "{} of 2?", "what does a large {} do to the text?",
        "is 0.9 a good {}?", "how do i select a good {}?", "what is a usual {}?", "what number should i pick for {}?",
        "is the default {} fine?", "how do i enable {}?", "can i combine {} with top-k?", "is {} better than temperature?",
        "does a higher {} use more memory?", "set {} to 4", "{} 100 or 200?", "what changes with a {} of 0.3?", "which {} would you pick?",
        "i've set {} to 5, is that too much?", "should {} be larger than the default?", "what does raising {} do?",
    ],
    "key": [
        "how do i {}?", "how can i {}?", "which key to {}?", "what key do i press to {}?", "how to {}",
        "i want to {}", "is there a key to {}?", "can i {}?", "what's the shortcut to {}?",
        "key to {}", "{}", "{}?", "is it possible to {}?", "how would i {}?", "where do i {}?",
        "let me {}", "shortcut for how to {}", "i need to {}", "what do i press to {}?",
        "how would you {}?", "i'd like to {}, how?", "where can i {}?", "what is the way to {}?", "in which way can i {}?",
        "do you know how to {}?", "i can't find out how to {}", "which button lets me {}?", "am i able to {}?",
    ],
}

PREFIXES = [
    "please", "hey,", "hi,", "hello,", "so", "ok", "ok,", "and", "now", "quick question:", "question:",
    "can you tell me", "tell me", "i wonder", "sorry,", "um", "well,", "also,", "next:", "one more:",
    "just curious,", "another thing:", "could you say", "do you know", "i was asking myself", "guide,",
    "what about", "any advice:", "i'd like to know,", "someone asked me", "my friend asks", "i read about this:", "is it so?",
    "what i want to know is", "i saw this:", "can i ask", "help me out:", "i'm wondering", "yes but", "no,", "then",
    "what does it mean:", "when", "why", "how", "where", "is", "does", "can i", "i have", "which", "in that case,",
    "let me ask", "i'd love to know", "what exactly", "what if", "who knows", "any idea", "i need to know", "is there",
]
SUFFIXES = [
    "please", "thanks", "exactly", "in short", "in plain words", "for a beginner", "in llmdeck", "here",
    "in llama.cpp", "actually", "in this program", "again", "briefly", "then", "really", "pls",
    "with this tool", "in the deck", "in simple terms", "i forgot", "i am new to this",
]
SWAPS = [
    ("how do i", "how can i"), ("how do i", "how to"), ("how can i", "how do i"), ("what is", "what's"),
    ("what is", "whats"), ("what is", "what exactly is"), ("explain", "describe"), ("do not", "don't"),
    ("should i", "do i have to"), ("should i", "would i"), ("why", "how come"), ("does", "do"),
    ("the ", ""), ("a ", ""), ("my ", "the "), ("my ", ""), ("model", "llm"), ("model", "language model"),
    ("you", "u"), ("are", "r"), ("gpu", "graphics card"), ("memory", "mem"), ("parameter", "setting"),
    ("setting", "parameter"), ("increase", "raise"), ("decrease", "lower"), ("change", "alter"),
    ("change", "set"), ("mean", "stand for"), ("use", "employ"), ("fast", "quick"), ("slow", "sluggish"),
    ("what happens", "what will happen"), ("which", "what"), ("want to", "wanna"), ("tell me", "show me"),
    ("difference", "distinction"), ("can i", "could i"), ("is there", "do you have"), ("program", "app"),
    ("file", "files"), ("answer", "reply"), ("reply", "answer"), ("text", "output"), ("key", "shortcut"),
    ("i want", "i would like"), ("i need", "i have"), ("good", "sensible"), ("good", "best"), ("big", "large"),
    ("large", "big"), ("small", "tiny"), ("computer", "machine"), ("machine", "computer"), ("chat", "conversation"),
]
STOP = {
    "the", "a", "an", "is", "do", "i", "to", "of", "my", "does", "in", "it", "me", "can", "for", "and",
    "this", "that", "are", "on", "with", "so", "please", "you", "be", "should", "would", "some", "any",
}
SYSTEMS = [
    "You are a helpful assistant.", "You are the built-in guide of llmdeck.", "Be brief.", "Answer in one sentence.",
    "You are a careful assistant. Answer in plain words.", "You are an expert programmer.", "Answer shortly and correctly.",
    "You help people who run language models on their own machine.", "Be friendly.", "Use simple words.",
    "You are a pirate.", "Speak like a teacher.", "Never use lists.", "Answer as well as you can.",
    "You are a helpful, harmless and honest assistant.", "Think before you answer.", "Do not guess.",
    "You are an assistant for system administrators.", "Keep answers under fifty words.", "Respond in English.",
]


def read(name):
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


class Text:
    """All text files, read and checked."""

    def __init__(self):
        self.topics = []
        for path in sorted((HERE / "topics").glob("*.toml")):
            self.topics += read(f"topics/{path.name}")["topic"]
        self.small_talk = read("small_talk.toml")["talk"]
        more = read("phrasings.toml")
        for item in self.topics + self.small_talk:
            item["ask"] = item["ask"] + more.pop(item["id"], [])
        assert not more, f"phrasings of unknown topics: {list(more)}"
        self.follow_ups = read("two_turn.toml")
        self.unknown = read("unknown.toml")
        self.by_id = {t["id"]: t for t in self.topics}
        assert len(self.by_id) == len(self.topics), "topic ids must differ"

    def abouts(self):
        """Everything that a question can be about."""
        return [item["id"] for item in self.topics + self.small_talk] + ["unknown"] + list(self.follow_ups["kind"])

    def trained(self):
        """Every phrasing that training can draw, before noise, as plain text."""
        asked = {a for t in self.topics + self.small_talk for a in t["ask"]} | set(self.unknown["ask"])
        asked |= {a for kind in self.follow_ups["kind"].values() for a in kind["ask"]}
        asked |= {frame.format(name) for t in self.topics for name in t.get("names", [])
                  for frames in TEMPLATES.values() for frame in frames}
        return {plain(a) for a in asked}

    def references(self):
        """Every answer the model may give, by id."""
        out = {t["id"]: [t["answer"]] for t in self.topics}
        out |= {t["id"]: t["answers"] for t in self.small_talk}
        out["unknown"] = self.unknown["answers"]
        for topic in self.topics:
            for kind in self.follow_ups["kind"]:
                answer = self.follow_up_answer(topic, kind)
                if answer:
                    out[f"{topic['id']}/{kind}"] = [answer]
        out["otherwise"] = [self.follow_ups["otherwise"]]
        return out

    def follow_up_answer(self, topic, kind):
        """What to say to a second question after `topic`, or None."""
        if kind == "change" and topic.get("kind") == "param":
            return self.follow_ups["kind"]["change"]["answer"].replace("NAME", topic["id"])
        return topic.get(kind)


def plain(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def typo(rng, word):
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind == 1:
        return word[:i] + word[i + 1:]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[i + 1:]


def roughen(rng, text, names=()):
    """The same question as somebody else might type it; four in ten only change names, case and end."""
    much = rng.random() < 0.6
    if names and rng.random() < 0.25:
        for name in sorted(names, key=len, reverse=True):
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I):
                other = rng.choice(names)
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _: other, text, count=1, flags=re.I)
                break
    if much and rng.random() < 0.4:
        for old, new in rng.sample(SWAPS, 14):
            swapped = re.sub(rf"(?<!\w){re.escape(old.strip())}(?!\w)", new.strip(), text, count=1, flags=re.I)
            text = re.sub(r"  +", " ", swapped)
    words = text.split()
    if much and len(words) > 3 and rng.random() < 0.15:
        keep = [w for w in words if w.lower().strip("?.,") not in STOP or rng.random() < 0.5]
        words = keep if len(keep) > 1 else words
    if much and len(words) > 4 and rng.random() < 0.06:
        del words[rng.randrange(len(words))]
    if much and rng.random() < 0.16:
        long = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha()]
        if long:
            i = rng.choice(long)
            words[i] = typo(rng, words[i])
    text = " ".join(words)
    if much and rng.random() < 0.25:
        text = rng.choice(PREFIXES) + " " + text
    if much and rng.random() < 0.2:
        text = text.rstrip("?. ") + " " + rng.choice(SUFFIXES) + rng.choice(["?", "", "."])
    case = rng.random()
    if case < 0.5:
        text = text.lower()
    elif case < 0.9:
        text = text[:1].upper() + text[1:]
    elif case < 0.91:
        text = text.upper()
    end = rng.random()
    if end < 0.35:
        text = text.rstrip("?.! ")
    elif end < 0.39:
        text = text.rstrip("?.! ") + rng.choice(["??", " ?", "!", "...", "."])
    elif end < 0.5 and text[-1:].isalnum():
        text += "?"
    return text


class Corpus:
    """Draws questions and whole conversations."""

    def __init__(self, text, seed):
        self.text = text
        self.rng = random.Random(seed)
        self.bag = []
        self.last = None

    def topic(self):
        """Topics in shuffled rounds, so that none is neglected."""
        if not self.bag:
            self.bag = list(self.text.topics)
            self.rng.shuffle(self.bag)
        return self.bag.pop()

    def question(self, topic):
        rng, names = self.rng, topic.get("names", [])
        draw = rng.random()
        if draw < 0.05:
            words = topic["answer"].split()
            at = rng.randrange(max(1, len(words) - 4))
            return roughen(rng, " ".join(words[at:at + rng.randrange(3, 9)]).strip(".,;:"))
        if draw < 0.15:
            words = [w for w in rng.choice(topic["ask"]).rstrip("?").split() if w.lower().strip(",") not in STOP]
            if rng.random() < 0.5:
                rng.shuffle(words)
            keep = [w for w in words if rng.random() < 0.75]
            return roughen(rng, " ".join(keep or words))
        if names and draw < 0.4:
            kind = topic.get("kind", "any")
            pool = TEMPLATES[kind] if kind == "key" else TEMPLATES["any"]
            if kind == "param" and rng.random() < 0.5:
                pool = TEMPLATES["param"]
            phrase = rng.choice(pool).format(rng.choice(names))
        else:
            phrase = rng.choice(topic["ask"])
        return roughen(rng, phrase, [] if topic.get("kind") == "key" else names)

    def stranger(self):
        """A question that is not about anything the guide knows."""
        rng, data = self.rng, self.text.unknown
        phrase = rng.choice(data["ask"])
        for slot in re.findall(r"\{(\w+)\}", phrase):
            phrase = phrase.replace("{" + slot + "}", rng.choice(data["slot"][slot]), 1)
        return roughen(rng, phrase), rng.choice(data["answers"])

    def follow_up(self):
        """A second question that only makes sense after the last topic, or None."""
        rng, topic = self.rng, self.last
        if topic is None:
            return None
        kinds = self.text.follow_ups["kind"]
        known = [k for k in kinds if self.text.follow_up_answer(topic, k)]
        other = [k for k in kinds if k not in known]
        if rng.random() > (0.3 + 0.1 * len(known) if known else 0.05):
            return None
        kind = rng.choice(known if known and (not other or rng.random() < 0.85) else other)
        answer = self.text.follow_up_answer(topic, kind) or self.text.follow_ups["otherwise"]
        return roughen(rng, rng.choice(kinds[kind]["ask"])), answer, kind

    def turn(self):
        """A question, its answer and what it is about: a topic, a talk, "unknown" or a kind of follow-up."""
        rng = self.rng
        pair = self.follow_up()
        if pair:
            self.last = None
            return pair
        draw = rng.random()
        if draw < 0.01 and self.last is None:
            kind, entry = rng.choice(list(self.text.follow_ups["kind"].items()))
            return roughen(rng, rng.choice(entry["ask"])), self.text.follow_ups["otherwise"], kind
        if draw < 0.15:
            self.last = None
            return *self.stranger(), "unknown"
        if draw < 0.23:
            self.last = None
            talk = rng.choice(self.text.small_talk)
            return roughen(rng, rng.choice(talk["ask"])), rng.choice(talk["answers"]), talk["id"]
        self.last = self.topic()
        return self.question(self.last), self.last["answer"], self.last["id"]

    def system(self):
        return self.rng.choice(SYSTEMS) if self.rng.random() < 0.2 else None


class Encoder:
    """Conversations as token ids, with the places of the questions and of what the model has to say."""

    def __init__(self, tokenizer, seed, topics):
        self.tok = tokenizer
        self.topics = {name: n for n, name in enumerate(topics)}
        self.rng = random.Random(seed)
        self.start = tokenizer.token_to_id("<|im_start|>")
        self.end = tokenizer.token_to_id("<|im_end|>")
        self.heads = {r: [self.start] + self.ids(r + "\n") for r in ("system", "user", "assistant")}
        self.newline = self.ids("\n")
        self.cache = {}

    def ids(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def said(self, text):
        if text not in self.cache:
            self.cache[text] = self.ids(text)
        return self.cache[text]

    def asked(self, text, drop):
        """Now and then split into smaller pieces, or with a piece lost or replaced: typing is noisy."""
        rng = self.rng
        if rng.random() < 0.1:
            ids = []
            for word in re.findall(r" ?\S+|\s", text):
                cut = rng.randrange(1, len(word)) if len(word) > 4 and rng.random() < 0.25 else 0
                ids += self.ids(word[:cut]) + self.ids(word[cut:]) if cut else self.ids(word)
        else:
            ids = self.ids(text)
        if len(ids) > 5 and rng.random() < 0.1:
            ids[rng.randrange(len(ids))] = rng.randrange(self.tok.get_vocab_size() - 3)
        if len(ids) > 2:
            ids = [i for i in ids if rng.random() > drop] or ids
        return ids

    def row(self, corpus, length, brief, drop):
        """One conversation that fills `length` tokens; its end may be cut.

        With the chance `brief` an answer is only begun: which answer to give is decided in
        its first tokens, so brief turns teach the choice at a fraction of the cost.
        Returns the tokens, (place, number of the topic) for every question, and the places
        before every token that the model has to say.
        """
        ids, asked, said = [], [], []
        corpus.last = None
        system = corpus.system()
        if system:
            ids += self.heads["system"] + self.said(system) + [self.end] + self.newline
        while len(ids) <= length:
            question, answer, about = corpus.turn()
            ids += self.heads["user"] + self.asked(question, drop) + [self.end] + self.newline + self.heads["assistant"]
            asked.append((len(ids) - 1, self.topics[about]))
            speak = self.said(answer) + [self.end]
            if self.rng.random() < brief:
                speak = speak[:self.rng.randrange(4, 12)]
            said += range(len(ids) - 1, len(ids) - 1 + len(speak))
            ids += speak if speak[-1] == self.end else speak + [self.end]
            ids += self.newline
        return ids[:length + 1], asked, said

    def batch(self, corpus, rows, length, brief, drop):
        """Rows as arrays, with at most every 16th place a question and every second one said."""
        ids = np.zeros((rows, length + 1), np.int32)
        asked, said = (np.zeros((rows, length // each), np.int32) for each in (16, 2))
        topics, tokens = (np.full_like(a, -1) for a in (asked, said))
        for n in range(rows):
            ids[n], questions, places = self.row(corpus, length, brief, drop)
            questions = [q for q in questions if q[0] < length][:asked.shape[1]]
            for i, (place, topic) in enumerate(questions):
                asked[n, i], topics[n, i] = place, topic
            places = [p for p in places if p < length][:said.shape[1]]
            said[n, :len(places)] = places
            tokens[n, :len(places)] = ids[n, 1:][places]
        return ids[:, :-1], asked, topics, said, tokens
