//! Text to tokens: the limits and the words are tested before the CEL parser sees the text, so that it is only
//! given short texts of known tokens with brackets in pairs.

use super::ExpressionError;
use std::ops::Range;

const MAXIMUM_CHARACTERS: usize = 1_000;
const MAXIMUM_DEPTH: usize = 12;
const MAXIMUM_OPERATORS: usize = 64;
const MAXIMUM_DOTS: usize = 100;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a word such as `true`.
    Word,
    /// A number.
    Number,
    /// Text in quotes.
    Text,
    /// An operator, `in` and `?` among them.
    Operator,
    /// `( [ {`
    Open,
    /// `) ] }`
    Close,
    /// `. , :`
    Separator,
}

/// A token and its place in the text of the expression.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
    /// The index of the other bracket of a pair.
    pub(super) partner: Option<usize>,
}

struct Scanner<'a> {
    text: &'a str,
    offset: usize,
    tokens: Vec<Token>,
    open: Vec<usize>,
    operators: usize,
    dots: usize,
}

/// The tokens of `text`, which begins at byte `offset` of the source.
pub(super) fn scan(text: &str, offset: usize) -> Result<Vec<Token>, ExpressionError> {
    let characters = text.chars().count();
    let whole = offset..offset + text.len();
    if characters > MAXIMUM_CHARACTERS {
        let message = format!("the expression has {characters} characters; {MAXIMUM_CHARACTERS} are allowed");
        return Err(
            ExpressionError::new(message, whole).help("split it, or let a query or an output do the work")
        );
    }
    let mut scanner = Scanner { text, offset, tokens: Vec::new(), open: Vec::new(), operators: 0, dots: 0 };
    let mut position = 0;
    while let Some(letter) = text[position..].chars().next() {
        position = if matches!(letter, ' ' | '\t' | '\n' | '\r') {
            position + 1
        } else {
            scanner.token(letter, position)?
        };
    }
    if let Some(open) = scanner.open.last() {
        let range = scanner.tokens[*open].range.clone();
        let message = format!("`{}` is not closed", &text[range.clone()]);
        return Err(scanner.error(message, range).help(CUT_SHORT));
    }
    if scanner.tokens.is_empty() {
        return Err(ExpressionError::new("the expression is empty", whole));
    }
    Ok(scanner.tokens)
}

/// What cuts an expression short in YAML.
pub(super) const CUT_SHORT: &str = "if the rest of the expression is missing, put it in quotes: in YAML ` #` begins a comment, and `,`, `]` and `}` \
     end a value inside `[ ]` and `{ }`";

impl Scanner<'_> {
    fn error(&self, message: impl Into<String>, range: Range<usize>) -> ExpressionError {
        ExpressionError::new(message, self.offset + range.start..self.offset + range.end)
    }

    /// Takes the token which begins with `letter` at `start` and gives the position behind it.
    fn token(&mut self, letter: char, start: usize) -> Result<usize, ExpressionError> {
        let next = self.text[start + letter.len_utf8()..].chars().next();
        let end = match (letter, next) {
            ('r' | 'R', Some(quote @ ('"' | '\''))) => self.quoted(start, start + 1, quote, true)?,
            ('b' | 'B', Some('"' | '\'')) => {
                let message = "bytes are not part of the language";
                return Err(self.error(message, start..start + 2).help("write text: \"…\""));
            }
            ('"' | '\'', _) => self.quoted(start, start, letter, false)?,
            ('0'..='9', _) | ('.', Some('0'..='9')) => self.number(start)?,
            ('_' | 'a'..='z' | 'A'..='Z', _) => self.word(start)?,
            ('(' | '[' | '{', _) => self.open(start)?,
            (')' | ']' | '}', _) => self.close(start)?,
            ('.' | ',' | ':', _) => self.separator(start)?,
            _ => self.operator(letter, next, start)?,
        };
        Ok(end)
    }

    fn push(&mut self, kind: TokenKind, range: Range<usize>) -> usize {
        let end = range.end;
        self.tokens.push(Token { kind, range, partner: None });
        end
    }

    fn separator(&mut self, start: usize) -> Result<usize, ExpressionError> {
        self.dots += usize::from(self.text[start..].starts_with('.'));
        if self.dots > MAXIMUM_DOTS {
            let message = format!("the expression has more than {MAXIMUM_DOTS} dots");
            return Err(self.error(message, start..start + 1).help("split it"));
        }
        Ok(self.push(TokenKind::Separator, start..start + 1))
    }

    fn word(&mut self, start: usize) -> Result<usize, ExpressionError> {
        let rest = &self.text[start..];
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let end = start + length.unwrap_or(rest.len());
        if &self.text[start..end] == "in" {
            return self.push_operator(start..end);
        }
        Ok(self.push(TokenKind::Word, start..end))
    }

    fn number(&mut self, start: usize) -> Result<usize, ExpressionError> {
        let rest = &self.text[start..];
        let digits = |from: usize| from + rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(0);
        if rest.starts_with("0x") && rest[2..].starts_with(|letter: char| letter.is_ascii_hexdigit()) {
            end = 2 + rest[2..].bytes().take_while(u8::is_ascii_hexdigit).count();
        } else {
            if rest[end..].starts_with('.') && digits(end + 1) > end + 1 {
                end = digits(end + 1);
            }
            if rest[end..].starts_with(['e', 'E']) {
                let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
                if digits(end + 1 + sign) > end + 1 + sign {
                    end = digits(end + 1 + sign);
                }
            }
        }
        let tail =
            rest[end..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if tail > 0 {
            let word = &rest[..end + tail];
            let message = format!("`{word}` is not a number");
            return Err(self
                .error(message, start..start + end + tail)
                .help(format!("a duration is written duration(\"{word}\"), text in quotes")));
        }
        Ok(self.push(TokenKind::Number, start..start + end))
    }

    /// Takes the text whose opening quote stands at `quote_at`.
    fn quoted(
        &mut self,
        start: usize,
        quote_at: usize,
        quote: char,
        raw: bool,
    ) -> Result<usize, ExpressionError> {
        let mut position = quote_at + 1;
        if self.text[position..].starts_with([quote]) && self.text[position + 1..].starts_with([quote]) {
            return Err(self
                .error("three quotes are not part of the language", start..position + 2)
                .help("write \\n for a new line"));
        }
        while let Some(letter) = self.text[position..].chars().next() {
            match letter {
                '\n' | '\r' => break,
                '\\' if !raw => position = self.escape(position)?,
                _ if letter == quote => return Ok(self.push(TokenKind::Text, start..position + 1)),
                _ => position += letter.len_utf8(),
            }
        }
        Err(self.error("the text that begins here does not end", start..position).help(CUT_SHORT))
    }

    /// The position behind the escape whose `\` stands at `start`.
    fn escape(&self, start: usize) -> Result<usize, ExpressionError> {
        let rest = &self.text[start + 1..];
        let Some(letter) = rest.chars().next() else { return Ok(start + 1) };
        let digits = |count: usize, valid: fn(&u8) -> bool| {
            (rest.bytes().skip(1).take(count).filter(valid).count() == count).then_some(count)
        };
        let more = match letter {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`' => Some(0),
            'x' | 'X' => digits(2, u8::is_ascii_hexdigit),
            'u' => digits(4, u8::is_ascii_hexdigit),
            'U' => digits(8, u8::is_ascii_hexdigit),
            '0'..='3' => digits(2, |byte| (b'0'..=b'7').contains(byte)),
            _ => None,
        };
        more.map(|more| start + 2 + more).ok_or_else(|| {
            self.error(format!("`\\{letter}` means nothing in text"), start..start + 1 + letter.len_utf8())
                .help("write `\\\\` for a backslash, or raw text: r'…'")
        })
    }

    fn open(&mut self, start: usize) -> Result<usize, ExpressionError> {
        if self.open.len() == MAXIMUM_DEPTH {
            let message = format!("brackets are more than {MAXIMUM_DEPTH} deep");
            return Err(self.error(message, start..start + 1).help("split the expression"));
        }
        self.open.push(self.tokens.len());
        Ok(self.push(TokenKind::Open, start..start + 1))
    }

    fn close(&mut self, start: usize) -> Result<usize, ExpressionError> {
        let bracket = &self.text[start..start + 1];
        let Some(open) = self.open.pop() else {
            return Err(self.error(format!("`{bracket}` closes nothing"), start..start + 1));
        };
        let opening = &self.text[self.tokens[open].range.clone()];
        if !matches!((opening, bracket), ("(", ")") | ("[", "]") | ("{", "}")) {
            let message = format!("`{opening}` is closed by `{bracket}`");
            return Err(self.error(message, start..start + 1));
        }
        self.tokens[open].partner = Some(self.tokens.len());
        let end = self.push(TokenKind::Close, start..start + 1);
        if let Some(token) = self.tokens.last_mut() {
            token.partner = Some(open);
        }
        Ok(end)
    }

    fn operator(&mut self, letter: char, next: Option<char>, start: usize) -> Result<usize, ExpressionError> {
        let end = start + letter.len_utf8();
        match (letter, next) {
            ('/', Some('/')) => Err(self.error("there are no comments in expressions", start..end + 1)),
            ('&', Some('&')) | ('|', Some('|')) | ('=' | '!' | '<' | '>', Some('=')) => {
                self.push_operator(start..end + 1)
            }
            ('+' | '*' | '/' | '%' | '<' | '>' | '?', _) => self.push_operator(start..end),
            ('!' | '-', _) => {
                self.doubled(letter, start..end)?;
                self.push_operator(start..end)
            }
            ('=' | '&' | '|', _) => Err(self
                .error(format!("`{letter}` is not an operator"), start..end)
                .help(format!("write `{letter}{letter}`"))),
            _ => Err(self.error(format!("unexpected `{letter}`"), start..end)),
        }
    }

    /// CEL lets two `!` or two `-` in front of a value cancel each other without a look at its type.
    fn doubled(&self, letter: char, range: Range<usize>) -> Result<(), ExpressionError> {
        let operator = |index: usize| {
            let token = self.tokens.len().checked_sub(index).and_then(|index| self.tokens.get(index));
            token.filter(|token| token.kind == TokenKind::Operator)
        };
        let before = operator(1).filter(|token| self.text[token.range.clone()] == *letter.to_string());
        let value_before = self.tokens.len().checked_sub(2).is_some_and(|index| {
            matches!(
                self.tokens[index].kind,
                TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Close
            )
        });
        match before {
            Some(token) if letter == '!' || !value_before => Err(self
                .error(format!("two `{letter}` cancel each other"), token.range.start..range.end)
                .help("leave both out")),
            _ => Ok(()),
        }
    }

    fn push_operator(&mut self, range: Range<usize>) -> Result<usize, ExpressionError> {
        self.operators += 1;
        if self.operators > MAXIMUM_OPERATORS {
            let message = format!("the expression has more than {MAXIMUM_OPERATORS} operators");
            return Err(self.error(message, range).help("split it"));
        }
        Ok(self.push(TokenKind::Operator, range))
    }
}
