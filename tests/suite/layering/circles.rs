//! Which files of a crate need which others, and the circles among them.
//!
//! A file needs another where it names something that is declared there, through `use` or a path. A
//! module that only exports again what its children declare does not need them: who imports it from
//! there needs the file that it comes from. Children are parts of their module, so that what it
//! declares may be used in all of them: a module and its child are no circle, but children are that
//! need each other.

use super::source::{Import, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Names from the root of the crate: empty for the root itself.
type ModulePath = Vec<String>;

/// A crate's files, and its modules.
struct Crate<'a> {
    files: BTreeMap<&'a str, Source<'a>>,
    /// The file of each module, those in the middle of a file among them.
    modules: BTreeMap<ModulePath, &'a str>,
    /// The module that each file is.
    homes: BTreeMap<&'a str, ModulePath>,
}

/// What a path leads to.
struct Target<'a> {
    file: &'a str,
    /// Where the path is a module and not something in it.
    module: Option<ModulePath>,
}

/// Aliases of aliases end: what is longer than this names itself.
const LONGEST_CHAIN: usize = 16;

/// Circles among files, which are given with their text: each as the sorted names of its files.
/// `roots` are those that declare all others.
pub(super) fn circles<'a>(files: &[(&'a str, &'a str)], roots: &[&'a str]) -> Vec<Vec<&'a str>> {
    let needs = Crate::new(files, roots).needs();
    let reach: BTreeMap<&str, BTreeSet<&str>> = needs
        .keys()
        .map(|&file| (file, reachable(file, &needs)))
        .collect();
    let mut found = BTreeSet::new();
    for (&file, others) in &reach {
        if others.contains(file) {
            let back = others.iter().copied().filter(|it| reach[it].contains(file));
            found.insert(back.collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

/// The files that one needs, and that these need.
fn reachable<'a>(
    file: &'a str,
    needs: &BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![file];
    while let Some(at) = next.pop() {
        for &other in needs[at].keys() {
            if found.insert(other) {
                next.push(other);
            }
        }
    }
    found
}

/// The lines by which files of a circle need each other, to be read by whoever has to cut it.
pub(super) fn explained(files: &[(&str, &str)], roots: &[&str], circle: &[&str]) -> String {
    let needs = Crate::new(files, roots).needs();
    let mut text = String::new();
    for file in circle {
        for (other, line) in needs[file].iter().filter(|(it, _)| circle.contains(it)) {
            text.push_str(&format!("  src/{file}:{line} needs {other}\n"));
        }
    }
    text
}

impl<'a> Crate<'a> {
    fn new(files: &[(&'a str, &'a str)], roots: &[&'a str]) -> Self {
        let mut found = Self {
            files: BTreeMap::new(),
            modules: BTreeMap::new(),
            homes: BTreeMap::new(),
        };
        let texts: BTreeMap<&str, &str> = files.iter().copied().collect();
        for root in roots {
            found.add(root, Vec::new(), &texts);
        }
        found
    }

    /// Adds a file, and those of the modules that it declares. Files of tests are declared nowhere.
    fn add(&mut self, file: &'a str, home: ModulePath, texts: &BTreeMap<&'a str, &'a str>) {
        let source = Source::new(texts[file]);
        self.modules.entry(home.clone()).or_insert(file);
        for (name, is_inline) in source.modules() {
            let path = [home.clone(), vec![name.to_owned()]].concat();
            if is_inline {
                self.modules.insert(path, file);
                continue;
            }
            let stem = path.join("/");
            let candidates = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
            let place = texts
                .keys()
                .find(|it| candidates.contains(&(**it).to_owned()));
            let place = place.unwrap_or_else(|| panic!("{file}: no file for `mod {name}`"));
            self.add(place, path, texts);
        }
        self.files.insert(file, source);
        self.homes.insert(file, home);
    }

    /// The files that each file needs, with the line of the first place that says so.
    fn needs(&self) -> BTreeMap<&'a str, BTreeMap<&'a str, usize>> {
        let needs = self.files.iter().map(|(&file, source)| {
            let mut found = BTreeMap::new();
            let mut add = |other: &'a str, line: usize| {
                if other != file && !self.is_inside(file, other) {
                    found.entry(other).or_insert(line);
                }
            };
            for import in &source.imports {
                self.needs_of_import(file, source, import, &mut add);
            }
            for path in &source.paths {
                if let Some(target) = self.resolve(file, &path.names, 0) {
                    add(target.file, path.line);
                }
            }
            (file, found)
        });
        needs.collect()
    }

    /// Whether a file is part of the module that another one is.
    fn is_inside(&self, file: &str, other: &str) -> bool {
        self.homes[file].starts_with(&self.homes[other])
    }

    fn needs_of_import(
        &self,
        file: &str,
        source: &Source<'a>,
        import: &Import,
        add: &mut impl FnMut(&'a str, usize),
    ) {
        let Some(target) = self.resolve(file, &import.path, 0) else {
            return;
        };
        // What is only exported again is needed by those who import it.
        if import.is_public && !source.names(&import.name) {
            return;
        }
        // A module's name leads to what is named behind it, which is found with all other paths.
        let is_prefix =
            target.module.is_some() && source.paths.iter().any(|path| path.names[0] == import.name);
        if !is_prefix {
            add(target.file, import.line);
        }
    }

    /// What names mean in a file; `None` for what is of another crate, or of the file itself.
    fn resolve(&self, file: &str, names: &[String], chain: usize) -> Option<Target<'a>> {
        let home = &self.homes[file];
        let (first, rest) = names.split_first()?;
        let start = match first.as_str() {
            "crate" | "pcap_flows" => Vec::new(),
            "self" => home.clone(),
            "super" => {
                let ups = names.iter().take_while(|it| *it == "super").count();
                let start = home[..home.len().checked_sub(ups)?].to_vec();
                return self.descend(start, &names[ups..], chain);
            }
            _ => {
                let child = [home.as_slice(), std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&child) {
                    return self.descend(home.clone(), names, chain);
                }
                let import = self.import(file, first)?;
                return self.through(file, import, rest, chain);
            }
        };
        self.descend(start, rest, chain)
    }

    /// What names mean from a module on.
    fn descend(&self, start: ModulePath, names: &[String], chain: usize) -> Option<Target<'a>> {
        let mut module = start;
        for (at, name) in names.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(name)].concat();
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let file = *self.modules.get(&module)?;
            let alias = self.import(file, name);
            let through = alias.and_then(|it| self.through(file, it, &names[at + 1..], chain));
            return Some(through.unwrap_or(Target { file, module: None }));
        }
        let file = *self.modules.get(&module)?;
        Some(Target {
            file,
            module: Some(module),
        })
    }

    /// What names mean behind what a file imports.
    fn through(
        &self,
        file: &str,
        import: &Import,
        rest: &[String],
        chain: usize,
    ) -> Option<Target<'a>> {
        if chain == LONGEST_CHAIN {
            return None;
        }
        let names = [import.path.as_slice(), rest].concat();
        self.resolve(file, &names, chain + 1)
    }

    /// What a file imports by this name. A path that is only the name itself is a module, or of
    /// another crate.
    fn import(&self, file: &str, name: &str) -> Option<&Import> {
        let imports = &self.files.get(file)?.imports;
        let is_meant = |it: &&Import| it.name == name && it.path.len() > 1;
        imports.iter().find(is_meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Circles of a crate of these files, besides a root that declares `a` and `b`.
    fn found<'a>(files: &[(&'a str, &'a str)]) -> Vec<Vec<&'a str>> {
        let files = [&[("lib.rs", "pub mod a;\npub mod b;")], files].concat();
        circles(&files, &["lib.rs"])
    }

    #[test]
    fn files_that_name_each_other_are_a_circle() {
        let a = ("a.rs", "use crate::b::B;\npub struct A(B);");
        let b = ("b.rs", "pub struct B;\nfn f(_: super::a::A) {}");
        assert_eq!(found(&[a, b]), [["a.rs", "b.rs"]]);
        let b = (
            "b.rs",
            "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }",
        );
        assert!(found(&[a, b]).is_empty());
        let b = (
            "b.rs",
            "pub struct B;\n// of crate::a::A\nconst C: &str = \"crate::a::A\";",
        );
        assert!(found(&[a, b]).is_empty());
    }

    #[test]
    fn what_is_exported_again_leads_to_its_file() {
        let top = ("a/mod.rs", "mod c;\nmod d;\npub use c::C;\npub use d::D;");
        let c = ("a/c.rs", "use super::D;\npub struct C(D);");
        let d = ("a/d.rs", "pub struct D;");
        let b = ("b.rs", "");
        assert!(found(&[top, c, d, b]).is_empty());
        let d = ("a/d.rs", "pub struct D;\nfn f(_: &crate::a::C) {}");
        assert_eq!(found(&[top, c, d, b]), [["a/c.rs", "a/d.rs"]]);
    }

    /// What a module declares is for its children, whether it uses these or not.
    #[test]
    fn a_module_and_its_child_are_no_circle() {
        let b = ("b.rs", "");
        let c = ("a/c.rs", "use super::Shared;\npub struct C(Shared);");
        let top = "mod c;\npub use c::C;\npub struct Shared;\nfn f() -> C { c::g() }";
        assert!(found(&[("a/mod.rs", top), c, b]).is_empty());
        // But it needs its child, and with it what that needs.
        let c = ("a/c.rs", "use crate::b::B;\npub struct C(B);");
        let b = ("b.rs", "use crate::a::Shared;\npub struct B(Shared);");
        let expected = [["a/c.rs", "a/mod.rs", "b.rs"]];
        assert_eq!(found(&[("a/mod.rs", top), c, b]), expected);
        let top = "mod c;\npub use c::C;\npub struct Shared;";
        assert!(found(&[("a/mod.rs", top), c, b]).is_empty());
    }

    #[test]
    fn names_of_modules_lead_to_what_is_behind_them() {
        let top = ("a/mod.rs", "pub mod c;\npub mod d;\npub use d::D;");
        let c = ("a/c.rs", "use crate::a;\nfn f() -> a::D { loop {} }");
        let d = ("a/d.rs", "use super::c;\npub struct D;\nfn g() { c::f() }");
        let b = ("b.rs", "");
        assert_eq!(found(&[top, c, d, b]), [["a/c.rs", "a/d.rs"]]);
        let d = ("a/d.rs", "pub struct D;");
        assert!(found(&[top, c, d, b]).is_empty());
    }

    #[test]
    fn circles_of_several_files_are_found_and_explained() {
        let a = ("a.rs", "use crate::b::c::C;\npub struct A;");
        let b = ("b/mod.rs", "pub mod c;\npub mod e;");
        let c = ("b/c.rs", "\nuse super::e::E;\npub struct C;");
        let e = ("b/e.rs", "use crate::a::A;\npub struct E;");
        let root = ("lib.rs", "pub mod a;\npub mod b;");
        let files = [root, a, b, c, e];
        assert_eq!(circles(&files, &["lib.rs"]), [["a.rs", "b/c.rs", "b/e.rs"]]);
        let text = explained(&files, &["lib.rs"], &["a.rs", "b/c.rs", "b/e.rs"]);
        assert!(text.contains("src/b/c.rs:2 needs b/e.rs"), "{text}");
    }
}
