//! As much of Rust's grammar as it takes to find what a file names: tokens, `use`, paths.

/// A token: a name, `::`, or a single other character. Comments and literals are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    /// From 1.
    line: usize,
}

/// Something that a file imports: `use path::{a, b as c}` is two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// All names, from `crate`, `self`, `super` or a module on; the last one is not `self`.
    pub(super) path: Vec<String>,
    /// What it is called here; `*` for all there is.
    pub(super) name: String,
    /// Whether it is exported again, to whomever.
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// A path in code, outside of imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) names: Vec<String>,
    pub(super) line: usize,
}

/// What a file says, without its tests.
#[derive(Clone, Debug)]
pub(super) struct Source<'a> {
    pub(super) imports: Vec<Import>,
    /// Paths of at least two names.
    pub(super) paths: Vec<Path>,
    /// All but the imports.
    code: Vec<Token<'a>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut source = Self {
            imports: Vec::new(),
            paths: Vec::new(),
            code: Vec::new(),
        };
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if token.text != "use" {
                source.code.push(*token);
                at += 1;
                continue;
            }
            let end = at + tokens[at..].iter().take_while(|it| it.text != ";").count();
            let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].text);
            let mut tree = &tokens[at + 1..end];
            imports(&mut tree, &[], is_public, &mut source.imports);
            at = end + 1;
        }
        source.paths = paths(&source.code);
        source
    }

    /// Modules that it declares, and whether they are in it or in files of their own.
    pub(super) fn modules(&self) -> Vec<(&'a str, bool)> {
        let code = &self.code;
        let declared = code.windows(3).filter(|it| it[0].text == "mod");
        let declared = declared.filter(|it| ["{", ";"].contains(&it[2].text));
        declared.map(|it| (it[1].text, it[2].text == "{")).collect()
    }

    /// Whether the code has this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.code.iter().any(|token| token.text == name)
    }
}

/// Paths of at least two names.
fn paths(code: &[Token<'_>]) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let (len, path) = path_at(&code[at..]);
        if path.names.len() > 1 {
            paths.push(path);
        }
        at += len.max(1);
    }
    paths
}

/// The path that tokens start with, and how many of them it is.
fn path_at(tokens: &[Token<'_>]) -> (usize, Path) {
    let mut names = Vec::new();
    let mut len = 0;
    while let Some(token) = tokens.get(len).filter(|it| is_name(it.text)) {
        names.push(token.text.to_owned());
        len += 1;
        if tokens.get(len).is_none_or(|it| it.text != "::") {
            break;
        }
        len += 1;
    }
    let line = tokens.first().map_or(0, |it| it.line);
    (len, Path { names, line })
}

/// Takes a tree of imports from the front of tokens.
fn imports(tree: &mut &[Token<'_>], prefix: &[String], is_public: bool, found: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    let line = tree.first().map_or(0, |it| it.line);
    while let Some((token, rest)) = tree.split_first() {
        match token.text {
            "::" => *tree = rest,
            "{" => {
                *tree = rest;
                while tree.first().is_some_and(|it| it.text != "}") {
                    imports(tree, &path, is_public, found);
                    if tree.first().is_some_and(|it| it.text == ",") {
                        *tree = &tree[1..];
                    }
                }
                *tree = tree.get(1..).unwrap_or_default();
                return;
            }
            "as" => {
                let name = rest.first().map_or("", |it| it.text).to_owned();
                *tree = rest.get(1..).unwrap_or_default();
                found.push(Import {
                    path,
                    name,
                    is_public,
                    line,
                });
                return;
            }
            "," | "}" => break,
            // `a::{self}` is `a`; `self::a` starts with it.
            "self" if !path.is_empty() => *tree = rest,
            name => {
                path.push(name.to_owned());
                *tree = rest;
            }
        }
    }
    if let Some(name) = path.last().cloned() {
        let is_all = name == "*";
        if is_all {
            path.pop();
        }
        found.push(Import {
            path,
            name,
            is_public,
            line,
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|it: char| it.is_alphabetic() || it == '_')
}

/// Tokens but those of items for tests: `#[cfg(test)]`, and what it is about.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let is_marked =
            rest.len() >= MARK.len() && rest.iter().zip(MARK).all(|(it, mark)| it.text == mark);
        if is_marked {
            at += MARK.len() + item_len(&rest[MARK.len()..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// How many tokens the item is that these start with: up to a semicolon, or to the end of its
/// block. An import has braces, and ends with a semicolon.
fn item_len(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    let mut is_import = false;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "use" if depth == 0 => is_import = true,
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.text == "}" && !is_import {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The tokens of a file.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(letter) = rest.chars().next() {
        let len = match skipped(rest) {
            Some(len) => len,
            None => {
                let len = token_len(rest, letter);
                let text = &rest[..len];
                tokens.push(Token { text, line });
                len
            }
        };
        line += rest[..len].matches('\n').count();
        rest = &rest[len..];
    }
    tokens
}

fn token_len(rest: &str, first: char) -> usize {
    if rest.starts_with("::") {
        return 2;
    }
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    if !is_part(first) {
        return first.len_utf8();
    }
    rest.find(|it| !is_part(it)).unwrap_or(rest.len())
}

/// Length of what is no token: space, a comment, a literal, a lifetime.
fn skipped(rest: &str) -> Option<usize> {
    let space = rest.len() - rest.trim_start().len();
    if space > 0 {
        return Some(space);
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    string_len(rest).or_else(|| quote_len(rest))
}

/// `"…"`, `b"…"`, `r#"…"#` and their kin.
fn string_len(rest: &str) -> Option<usize> {
    let body = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - body.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = body.strip_prefix('r') {
        let content = raw.trim_start_matches('#');
        let hashes = &raw[..raw.len() - content.len()];
        let content = content.strip_prefix('"')?;
        let end = content.find(&format!("\"{hashes}"))?;
        let head = rest.len() - content.len();
        return Some(head + end + 1 + hashes.len());
    }
    let content = body.strip_prefix('"')?;
    Some(rest.len() - content.len() + closed_by(content, '"'))
}

/// A character, or a lifetime.
fn quote_len(rest: &str) -> Option<usize> {
    let content = rest.strip_prefix('\'')?;
    let first = content.chars().next()?;
    let second = content.chars().nth(1);
    if first == '\\' || second == Some('\'') {
        return Some(1 + closed_by(content, '\''));
    }
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    Some(1 + content.find(|it| !is_part(it)).unwrap_or(content.len()))
}

/// Length of a literal's content, and of the quote that ends it.
fn closed_by(content: &str, quote: char) -> usize {
    let mut letters = content.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    content.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(path: &str, name: &str, is_public: bool, line: usize) -> Import {
        Import {
            path: path.split("::").map(str::to_owned).collect(),
            name: name.to_owned(),
            is_public,
            line,
        }
    }

    #[test]
    fn imports_are_found() {
        let text = "use crate::capture::Nanos;\n\
                    // use crate::no;\n\
                    pub(crate) use crate::{flow::{self, Flow}, error::Error as Wrong};\n\
                    pub use chunk::*;\n\
                    #[cfg(test)]\n\
                    use crate::{tests::A, tests::B};\n\
                    fn f() { use super::a; }\n\
                    #[cfg(test)]\n\
                    mod tests { use crate::jobs::flows; fn f() {} }\n\
                    use self::last;\n";
        let expected = [
            import("crate::capture::Nanos", "Nanos", false, 1),
            import("crate::flow", "flow", true, 3),
            import("crate::flow::Flow", "Flow", true, 3),
            import("crate::error::Error", "Wrong", true, 3),
            import("chunk", "*", true, 4),
            import("super::a", "a", false, 7),
            import("self::last", "last", false, 10),
        ];
        assert_eq!(Source::new(text).imports, expected);
    }

    #[test]
    fn paths_are_found() {
        let text = "mod a;\nmod b { fn f() {} }\n#[cfg(test)]\nmod c;\n\
                    fn f<'a>(x: &'a crate::decode::Headers<'a>) -> char {\n\
                    /* crate::no */ let text = \"crate::no \\\" super::no\";\n\
                    let raw = r#\"crate::no\"#; let c = b'\\''; let d = '\"';\n\
                    a::g(super::h::<u8>()); 'e' }";
        let source = Source::new(text);
        assert_eq!(source.modules(), [("a", false), ("b", true)]);
        let found: Vec<(String, usize)> = source
            .paths
            .iter()
            .map(|it| (it.names.join("::"), it.line))
            .collect();
        let expected = [("crate::decode::Headers", 5), ("a::g", 8), ("super::h", 8)];
        let expected: Vec<(String, usize)> = expected
            .into_iter()
            .map(|(path, line)| (path.to_owned(), line))
            .collect();
        assert_eq!(found, expected);
        assert!(source.names("text") && !source.names("no"));
    }
}
