//! Which name may have been meant by one that is not there.

/// The name that takes the fewest slips to become the word; `None` where even that is too many.
pub(super) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if word.len() > LONGEST {
        return None;
    }
    let few = (word.len() / 3).max(1);
    names
        .map(|name| (slips(&word, name), name))
        .min_by_key(|(slips, _)| *slips)
        .filter(|(slips, _)| *slips <= few)
        .map(|(_, name)| name)
}

/// No column has a name of this many characters.
const LONGEST: usize = 64;

/// How many letters must be added, left out or changed (Levenshtein's distance), capital or not.
fn slips(word: &[char], name: &str) -> usize {
    // For each head of the word, the slips from there to the head of the name.
    let mut slips: Vec<usize> = (0..=word.len()).collect();
    for letter in name.chars() {
        let mut diagonal = 0;
        let mut left = None;
        for (place, below) in slips.iter_mut().enumerate() {
            let other = place.checked_sub(1).and_then(|place| word.get(place));
            let changed =
                usize::from(!other.is_some_and(|other| other.eq_ignore_ascii_case(&letter)));
            let best = match left {
                None => *below + 1,
                Some(left) => (diagonal + changed).min(*below + 1).min(left + 1),
            };
            diagonal = *below;
            *below = best;
            left = Some(best);
        }
    }
    slips.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (word, name, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("BYTES", "bytes", 0),
            ("byts", "bytes", 1),
            ("packtes", "packets", 2),
        ] {
            let word: Vec<char> = word.chars().collect();
            assert_eq!(slips(&word, name), expected, "{word:?} {name}");
        }
    }

    #[test]
    fn only_what_is_near_is_offered() {
        let names = ["bytes", "packets", "src_ip"];
        let nearest = |word| nearest(word, names.into_iter());
        assert_eq!(nearest("byts"), Some("bytes"));
        assert_eq!(nearest("srcip"), Some("src_ip"));
        assert_eq!(nearest("host"), None);
        assert_eq!(nearest(&"bytes".repeat(100_000)), None);
    }
}
