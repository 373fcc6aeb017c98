use super::*;
use proptest::prelude::*;

/// What the words mean, with no thought for time: a star takes nothing, or one character and stays.
fn means(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], text) => means(rest, text) || (!text.is_empty() && means(pattern, &text[1..])),
        (['?', rest @ ..], [_, others @ ..]) => means(rest, others),
        ([wanted, rest @ ..], [given, others @ ..]) => wanted == given && means(rest, others),
        (_, []) => false,
    }
}

fn steps(pattern: &str, text: &str) -> (bool, usize) {
    let mut steps = 0;
    let matches = Glob::new(pattern).matches_counting(text, &mut |more| steps += more);
    (matches, steps)
}

/// What a match may take: the pattern's ends once, and for each character of the text one step, or as many as the
/// longest piece has blocks.
fn most_steps(pattern: &str, text: &str) -> usize {
    let longest = pattern.split('*').map(|piece| piece.chars().count()).max().unwrap_or_default();
    pattern.len() + text.chars().count() * longest.div_ceil(64)
}

#[test]
fn each_wildcard_in_each_place() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("a", "", false),
        ("*", "", true),
        ("*", "a:b/c", true),
        ("**", "", true),
        ("?", "", false),
        ("?", "a", true),
        ("?", "ab", false),
        ("?", "é", true),
        ("?*", "", false),
        ("*?", "a", true),
        ("*??", "a", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*?a", "aa", false),
        ("*ab*ab*", "xabyab", true),
        ("*ab*ab*", "xaby", false),
        ("*a?c*", "xabacac", false),
        ("*a?c*", "xaabcac", true),
        ("*é?*", "aéö", true),
        ("A", "a", false),
        ("*?\u{10ffff}*", "x\u{10ffff}", true),
    ] {
        assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn a_piece_is_found_across_the_edge_of_a_block() {
    for length in [1, 63, 64, 65, 127, 128, 129, 200] {
        let piece: String = ('a'..='z').cycle().take(length - 1).chain(['!']).collect();
        let with_gaps: String =
            piece.char_indices().map(|(at, c)| if at % 7 == 3 { '?' } else { c }).collect();
        for pattern in [format!("*{piece}*"), format!("*{with_gaps}*")] {
            assert!(Glob::new(&pattern).matches(&format!("{piece}ab")), "{length}");
            assert!(Glob::new(&pattern).matches(&format!("ab{piece}")), "{length}");
            assert!(!Glob::new(&pattern).matches(&format!("ab{}", &piece[..length - 1])), "{length}");
        }
        let other_end: String = piece.replace('!', "?") + "x";
        assert!(!Glob::new(&format!("*{other_end}*")).matches(&piece), "{length}");
    }
}

#[test]
fn the_patterns_that_ruin_others_take_few_steps() {
    let text = "a".repeat(2_000);
    let pieces = |piece: &str, count: usize| format!("{}*b*", format!("*{piece}").repeat(count));
    for pattern in [
        pieces("a", 1_000),
        pieces("a?", 1_000),
        pieces("?", 1_999),
        format!("*{}b*", "a".repeat(1_000)),
        format!("*{}b*", "a?".repeat(500)),
        format!("*{}*", "?".repeat(2_500)),
        format!("*{}", "?".repeat(2_500)),
        format!("{}*", "?".repeat(2_500)),
    ] {
        let (matches, steps) = steps(&pattern, &text);
        assert!(!matches, "{pattern:.20}...");
        assert!(steps <= most_steps(&pattern, &text), "{steps} steps for {pattern:.20}...");
        assert!(steps <= 2_000 * 40 + pattern.len(), "{steps} steps for {pattern:.20}...");
    }
}

#[test]
fn no_character_is_read_twice() {
    let (matches, steps) = steps("*aab*aac*aad*x*", &"aab aac aad x".repeat(10));
    assert!(matches);
    assert_eq!(steps, "aab aac aad x".len());
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![Just('*'), Just('?'), Just('a'), Just('b'), Just('/'), Just('é')],
        0..12,
    )
    .prop_map(String::from_iter)
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('/'), Just('é')], 0..14)
        .prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn does_what_the_words_mean(pattern in pattern(), text in text()) {
        let (letters, characters): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
        let (matches, steps) = steps(&pattern, &text);
        prop_assert_eq!(matches, means(&letters, &characters));
        prop_assert!(steps <= most_steps(&pattern, &text));
    }

    #[test]
    fn a_text_with_parts_blotted_out_matches(text in ".{0,200}", cuts in proptest::collection::vec(0_usize..200, 0..8)) {
        let mut letters: Vec<char> = text.chars().filter(|letter| !"*?".contains(*letter)).collect();
        let text = String::from_iter(&letters);
        for (at, cut) in cuts.iter().enumerate() {
            if let Some(letter) = letters.get_mut(*cut) {
                *letter = if at % 2 == 0 { '*' } else { '?' };
            }
        }
        prop_assert!(Glob::new(&String::from_iter(letters)).matches(&text));
    }
}
