"""Writes oracle.ndjson: how an independent lexer reads the statements of the corpus, and mutations of them.

pip install sqlglot==30.30.0; make guard-oracle. For each statement it says where the texts, the names in quotes and the
brackets stand, by characters; null means that the lexer refuses it. The mutations come from a fixed seed, so that the
file is the same each time. What differs from our lexer is looked at by TestOracle.

With --serve it answers instead: for each line, a statement as JSON, a line with the tokens. FuzzOracle asks it.
"""
import json
import pathlib
import random
import sys

from sqlglot.dialects import Snowflake
from sqlglot.tokens import TokenType

HERE = pathlib.Path(__file__).parent
SPECIAL = ["'", '"', "$$", "--", "//", "/*", "*/", "\\", "''", '""', "\n", " ", "(", ")", ";", "@s/a", "1", "a$", "$1", ",", ":", "x", "E", "-", "/", "*"]
KINDS = {
    TokenType.STRING: "text", TokenType.RAW_STRING: "text", TokenType.IDENTIFIER: "name",
    TokenType.L_PAREN: "(", TokenType.R_PAREN: ")", TokenType.L_BRACKET: "[", TokenType.R_BRACKET: "]",
    TokenType.L_BRACE: "{", TokenType.R_BRACE: "}", TokenType.SEMICOLON: ";",
}
PREFIXED = {TokenType.HEX_STRING, TokenType.NATIONAL_STRING, TokenType.BIT_STRING, TokenType.BYTE_STRING}


class Plain(Snowflake.Tokenizer):
    """Without the templates of Jinja, which Snowflake does not know, and with (+) as three tokens."""

    KEYWORDS = {
        k: v for k, v in Snowflake.Tokenizer.KEYWORDS.items()
        if v not in {TokenType.BLOCK_START, TokenType.BLOCK_END, TokenType.JOIN_MARKER}
    }


Plain._COMMENTS = {begin: end for begin, end in Plain._COMMENTS.items() if begin != "{#"}


def read(sql):
    try:
        tokens = Plain(dialect="snowflake").tokenize(sql)
    except Exception:  # whatever it raises, it refuses the statement
        return None
    out = []
    for t in tokens:
        if t.token_type in PREFIXED and "'" in sql[t.start : t.end + 1]:  # X'…': the text is what is in quotes
            out.append(["text", t.start + 1, t.end + 1])
        elif t.token_type in KINDS and (t.token_type != TokenType.IDENTIFIER or sql[t.start] == '"'):
            out.append([KINDS[t.token_type], t.start, t.end + 1])
    return out


def mutate(sql, rng):
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(sql))
        if rng.random() < 0.7:
            sql = sql[:at] + rng.choice(SPECIAL) + sql[at:]
        else:
            sql = sql[:at] + sql[at + rng.randint(1, 3):]
    return sql


def serve():
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))), flush=True)


def main():
    corpus = [json.loads(line)["sql"] for line in open(HERE / "corpus.ndjson", encoding="utf-8")]
    rng = random.Random(20261129)
    statements = corpus + [mutate(rng.choice(corpus), rng) for _ in range(3000)]
    with open(HERE / "oracle.ndjson", "w", encoding="utf-8") as out:
        for sql in dict.fromkeys(statements):
            out.write(json.dumps({"sql": sql, "tokens": read(sql)}, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
