//! The documents against the sources: what a page promises is there, and what is there has its line.
//!
//! - every row of docs/compatibility.md names a test, and every test it names exists;
//! - every operation has its row there, every error code its row in docs/http-errors.md, with the right status;
//! - every message of docs/http-errors.md is in the sources, to the letter;
//! - every setting is told of in docs/operations.md;
//! - every link between pages leads to a file.
//!
//! Each check is a function that lists what is wrong, so that a planted mistake can show that it finds something.
//! A new page that promises something gets a function here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above its tests")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A table of a page: the names of its columns, and its rows, cell by cell.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The tables of a page, in their order.
fn tables(page: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in prose(page).lines() {
        let Some(cells) = cells(line) else {
            inside = false;
            continue;
        };
        match tables.last_mut().filter(|_| inside) {
            None => tables.push(Table { columns: cells, rows: Vec::new() }),
            Some(table) if !is_rule(&cells) => table.rows.push(cells),
            Some(_) => {}
        }
        inside = true;
    }
    tables
}

/// The cells of a line that is a row of a table; `\|` is a bar within a cell.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells = inner.replace("\\|", "\u{1}");
    Some(cells.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect())
}

fn is_rule(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.bytes().all(|byte| byte == b'-' || byte == b':'))
}

/// A page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut fenced = false;
    let kept = page.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The texts between single backticks.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Whether a page's test exists: a function of that name, marked as a test, in the file that its path denotes.
fn find_test(reference: &str) -> Result<(), String> {
    let (package, path) = reference.split_once(' ').unwrap_or(("", reference));
    let (module, name) =
        path.rsplit_once("::").ok_or_else(|| format!("`{reference}` is no path of a test"))?;
    let files = candidates(package, module)
        .into_iter()
        .filter_map(|file| fs::read_to_string(root().join(file)).ok())
        .collect::<Vec<_>>();
    if files.is_empty() {
        return Err(format!("`{reference}`: there is no such module"));
    }
    let is_test = match package {
        "foreign" => is_case,
        _ if module.starts_with("conformance::") => is_promise,
        _ => is_rust_test,
    };
    if files.iter().any(|source| is_test(source, name)) {
        Ok(())
    } else {
        Err(format!("`{reference}`: there is no such test"))
    }
}

/// The files in which a module may be: the suite's own, those of the crate named in front, or foreign clients' cases.
fn candidates(package: &str, module: &str) -> Vec<String> {
    let path = module.replace("::", "/");
    let beside = path.strip_suffix("/tests").map(str::to_owned);
    let folders = match package {
        "" => vec!["tests/suite".to_owned()],
        "foreign" => {
            return vec![format!("tests/foreign/{path}.py"), format!("tests/foreign/{path}/cases.cjs")];
        }
        package => {
            let krate = package.strip_prefix("gatepost-").unwrap_or(package);
            vec![format!("crates/{krate}/src"), format!("crates/{krate}/tests")]
        }
    };
    let paths = [Some(path), beside];
    let paths = paths.iter().flatten();
    paths
        .flat_map(|path| folders.iter().map(move |folder| format!("{folder}/{path}")))
        .flat_map(|stem| [format!("{stem}.rs"), format!("{stem}/mod.rs")])
        .collect()
}

/// `fn name(` with `#[test]` or `#[tokio::test…]` among the attributes and comments above it; proptest's have it too.
fn is_rust_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    };
    (0..lines.len()).filter(|at| is_it(lines[*at])).any(|at| {
        let above =
            lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.into_iter().any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}

/// A promise of storage; that each is listed, and so run by every backend, is tested beside the list.
fn is_promise(source: &str, name: &str) -> bool {
    source.lines().any(|line| line.starts_with(&format!("pub async fn {name}(")))
}

fn is_case(source: &str, name: &str) -> bool {
    source.contains(&format!("@case\ndef {name}(")) || source.contains(&format!("\nexports.{name} = async ("))
}

/// What is wrong with the tables of docs/compatibility.md: a row without a test, a test that there is not.
fn unpinned(page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for Table { columns, rows } in tables(page) {
        if columns.last().map(String::as_str) != Some("Test") {
            wrong.push(format!("a table without a column of tests at its end: {}", columns.join(", ")));
            continue;
        }
        for row in rows {
            let subject = row.first().cloned().unwrap_or_default();
            if row.len() != columns.len() {
                wrong.push(format!("{subject}: {} cells under {} columns", row.len(), columns.len()));
                continue;
            }
            let named = row.last().map(String::as_str).unwrap_or_default();
            if code_spans(named).is_empty() {
                wrong.push(format!("{subject}: no test"));
            }
            wrong.extend(code_spans(named).into_iter().filter_map(|reference| find_test(reference).err()));
        }
    }
    wrong
}

/// The arms of the first `match self` in a function, as variants and expression.
fn arms(source: &str, function: &str) -> Vec<(Vec<String>, String)> {
    let body = source.split_once(&format!("pub fn {function}(self)")).expect("there is such a function").1;
    let body = body.split_once("match self {").expect("it matches").1;
    let body = body.split_once("\n        }").expect("the match ends").0;
    let mut arms = Vec::new();
    let mut rest = body;
    while let Some((pattern, after)) = rest.split_once("=>") {
        // An expression ends at a comma outside parentheses, or at a block's end.
        let mut depth = 0_usize;
        let end = after.find(|letter| {
            depth = match letter {
                '(' | '{' => depth + 1,
                ')' | '}' => depth - 1,
                _ => depth,
            };
            depth == 0 && matches!(letter, ',' | '}')
        });
        let (expression, next) = after.split_at(end.unwrap_or(after.len()));
        let variants =
            pattern.split('|').map(|variant| variant.trim().trim_start_matches("Self::").to_owned());
        arms.push((variants.collect(), expression.trim_matches([' ', '\n', '{', '}']).to_owned()));
        rest = next.get(1..).unwrap_or_default();
    }
    arms
}

/// What the arm of one variant says.
fn arm<'a>(arms: &'a [(Vec<String>, String)], variant: &str) -> &'a str {
    let found = arms.iter().find(|(variants, _)| variants.iter().any(|one| one == variant));
    found.map_or("", |(_, expression)| expression)
}

/// The variants of a type's `ALL`, in their order.
fn all(source: &str) -> Vec<String> {
    let list = source.split_once("pub const ALL").expect("there is a list of all").1;
    let list = list.split_once("= [").and_then(|(_, list)| list.split_once("];")).expect("it is one").0;
    list.split(',')
        .map(|one| one.trim().trim_start_matches("Self::").to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

/// The number of `StatusCode::CREATED` and its like.
fn status_number(constant: &str) -> u16 {
    let name = constant.trim_start_matches("StatusCode::");
    let is_it = |code: &http::StatusCode| {
        code.canonical_reason().is_some_and(|reason| reason.to_uppercase().replace([' ', '-'], "_") == name)
    };
    let codes = (100..600).filter_map(|number| http::StatusCode::from_u16(number).ok());
    codes.into_iter().find(is_it).unwrap_or_else(|| panic!("{constant} is no status")).as_u16()
}

/// The variants of a table of the surface that `ALL` lacks: an exhaustive match forces them into `name`, nothing into
/// the list.
fn unlisted(source: &str) -> Vec<String> {
    let listed: BTreeSet<String> = all(source).into_iter().collect();
    let variants = arms(source, "name").into_iter().flat_map(|(variants, _)| variants);
    variants
        .filter(|variant| !listed.contains(variant))
        .map(|variant| format!("{variant} is not in ALL"))
        .collect()
}

/// The rows of the table whose first columns have these names.
fn rows_under(page: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let found = tables(page).into_iter().find(|table| {
        table.columns.len() >= columns.len()
            && table.columns.iter().zip(columns).all(|(one, other)| one == other)
    });
    found.map(|table| table.rows).unwrap_or_default()
}

/// Compares the rows of a page with those that the source makes; both begin with the same number of cells.
fn differences(wanted: &[Vec<String>], rows: &[Vec<String>], page: &str) -> Vec<String> {
    let shown: Vec<&[String]> = rows.iter().map(|row| &row[..row.len().min(wanted[0].len())]).collect();
    let missing = wanted.iter().filter(|row| !shown.contains(&row.as_slice()));
    let mut wrong: Vec<String> =
        missing.map(|row| format!("{page} has no row | {} |", row.join(" | "))).collect();
    let unknown = shown.iter().filter(|row| !wanted.iter().any(|one| one.as_slice() == **row));
    wrong.extend(unknown.map(|row| format!("{page}: nothing is | {} |", row.join(" | "))));
    if wrong.is_empty() && wanted.iter().map(Vec::as_slice).ne(shown) {
        wrong.push(format!("{page}: the rows are in another order than the source's"));
    }
    wrong
}

fn operation_rows(source: &str) -> Vec<Vec<String>> {
    let (names, routes, successes) = (arms(source, "name"), arms(source, "route"), arms(source, "success"));
    let row = |variant: &String| {
        let route = arm(&routes, variant).trim_matches(['(', ')']);
        let (method, path) = route.split_once(", ").expect("a route is method and path");
        vec![
            format!("`{}`", arm(&names, variant).trim_matches('"')),
            format!("`{} {}`", method.trim_start_matches("Method::"), path.trim_matches('"')),
            status_number(arm(&successes, variant)).to_string(),
        ]
    };
    all(source).iter().map(row).collect()
}

fn error_rows(source: &str) -> Vec<Vec<String>> {
    let (names, statuses) = (arms(source, "name"), arms(source, "status"));
    let row = |variant: &String| {
        let name = format!("`{}`", arm(&names, variant).trim_matches('"'));
        vec![name, status_number(arm(&statuses, variant)).to_string()]
    };
    all(source).iter().map(row).collect()
}

/// The sources of the floors that word what clients read, string literals joined where they continue on a next line.
fn wordings() -> String {
    let mut folders: Vec<PathBuf> = ["domain", "application", "http-api", "sigv4"]
        .iter()
        .map(|floor| root().join("crates").join(floor).join("src"))
        .collect();
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for path in listed(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).expect("a source can be read");
                let mut pieces = source.split("\\\n");
                all.push_str(pieces.next().unwrap_or_default());
                pieces.for_each(|piece| all.push_str(piece.trim_start()));
            }
        }
    }
    all
}

/// The messages of a page that no source words so. What stands in braces varies.
fn unworded(page: &str, wordings: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for Table { columns, rows } in tables(page) {
        let Some(at) = columns.iter().position(|column| column == "Message") else { continue };
        for row in rows {
            let message = row.get(at).map(|cell| cell.trim_matches('`')).unwrap_or_default();
            let fixed = message.split('{').enumerate().map(|(nth, piece)| match piece.split_once('}') {
                Some((_, after)) if nth > 0 => after,
                _ => piece,
            });
            if message.is_empty() || !fixed.into_iter().all(|piece| wordings.contains(piece)) {
                wrong.push(message.to_owned());
            }
        }
    }
    wrong
}

/// The settings of the defaults file, those without a default included.
fn settings(defaults: &str) -> Vec<String> {
    let lines = defaults.lines().filter_map(|line| line.strip_prefix("# ").unwrap_or(line).split_once(" = "));
    let is_setting = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    lines.map(|(name, _)| name).filter(is_setting).map(str::to_owned).collect()
}

/// The settings that a page shows nowhere as code.
fn untold(settings: &[String], page: &str) -> Vec<String> {
    let prose = prose(page);
    let words: BTreeSet<&str> = code_spans(&prose)
        .into_iter()
        .flat_map(|span| span.split([' ', '=', ',']))
        .map(|word| word.trim_start_matches("--"))
        .collect();
    settings.iter().filter(|name| !words.contains(name.as_str())).cloned().collect()
}

/// The relative links of a page that lead nowhere.
fn broken_links(page: &str, folder: &Path) -> Vec<String> {
    let targets = prose(page);
    let targets =
        targets.split("](").skip(1).filter_map(|after| after.split_once(')')).map(|(target, _)| target);
    let is_relative = |target: &&str| {
        !target.contains("://") && !target.starts_with(['#']) && !target.starts_with("mailto:")
    };
    let leads_nowhere = |target: &&str| !folder.join(target.split('#').next().unwrap_or(target)).exists();
    targets.filter(is_relative).filter(leads_nowhere).map(str::to_owned).collect()
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder can be read");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

/// The pages beside README.md and everything under docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    pages.extend(listed(root()).into_iter().filter(is_page));
    while let Some(folder) = folders.pop() {
        for path in listed(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if is_page(&path) {
                pages.push(path);
            }
        }
    }
    pages
}

const OPERATIONS: &str = "crates/http-api/src/operation.rs";
const ERRORS: &str = "crates/http-api/src/error.rs";
const NONE: [String; 0] = [];

#[test]
fn every_row_of_the_compatibility_page_names_tests_that_exist() {
    let page = read("docs/compatibility.md");
    assert!(tables(&page).len() > 5, "tables are seen");
    assert_eq!(unpinned(&page), NONE);
}

#[test]
fn a_row_without_a_test_and_a_test_that_is_not_there_are_found() {
    let page = |test: &str| format!("| What | Test |\n|---|---|\n| a thing | {test} |\n");
    for there in [
        "`docs::every_operation_has_its_row`",
        "`api_keys::create::empty_texts_count_as_not_given`, `http2::every_verb_works_on_one_connection`",
        "`gatepost-domain api_keys::patch::tests::a_list_is_bounded`",
        "`gatepost-domain tags::tests::tags_keep_the_guides_limits`",
        "`gatepost-http-api position::tests::no_other_text_is_a_position`",
        "`gatepost-application import::failonwarnings_is_all_or_nothing`",
        "`gatepost-storage conformance::api_key_pages::keys_are_listed_newest_first`",
        "`foreign boto3_suite::every_answer_names_its_request`",
        "`foreign javascript::a_session_token_is_refused`",
    ] {
        assert_eq!(unpinned(&page(there)), NONE);
    }
    for (not_there, why) in [
        ("", "no test"),
        ("by hand", "no test"),
        ("`docs::nothing_is_called_so`", "no such test"),
        ("`docs::every_operation_has`", "no such test"),
        ("`docs::root`", "no such test"),
        ("`doc::every_operation_has_its_row`", "no such module"),
        ("`every_operation_has_its_row`", "no path of a test"),
        ("`gatepost-domain api_keys::patch::tests::key`", "no such test"),
        ("`gatepost-storage conformance::api_key_pages::nothing`", "no such test"),
        ("`foreign boto3_suite::bad`", "no such test"),
    ] {
        let wrong = unpinned(&page(not_there));
        assert!(wrong.len() == 1 && wrong[0].contains(why), "{not_there}: {wrong:?}");
    }
    assert_eq!(unpinned("| What |\n|---|\n| a thing |\n").len(), 1, "a table that cannot name tests");
    assert_eq!(unpinned("| What | Test |\n|---|---|\n| a | thing | `x::y` |\n").len(), 1, "a bar too many");
}

#[test]
fn every_operation_has_its_row() {
    let (source, page) = (read(OPERATIONS), read("docs/compatibility.md"));
    assert_eq!(unlisted(&source), NONE);
    let rows = rows_under(&page, &["Operation", "Request", "Success"]);
    assert_eq!(differences(&operation_rows(&source), &rows, "docs/compatibility.md"), NONE);
}

#[test]
fn every_error_code_has_its_row() {
    let (source, page) = (read(ERRORS), read("docs/http-errors.md"));
    assert_eq!(unlisted(&source), NONE);
    let rows = rows_under(&page, &["Code", "Status"]);
    assert_eq!(differences(&error_rows(&source), &rows, "docs/http-errors.md"), NONE);
}

#[test]
fn an_operation_or_a_code_without_a_row_is_found() {
    let source = read(OPERATIONS);
    let forgotten = source.replace(
        "Self::GetApiKeys => \"GetApiKeys\"",
        "Self::GetApiKeys => \"GetApiKeys\",\n Self::UpdateAccount => \"UpdateAccount\"",
    );
    assert_eq!(unlisted(&forgotten), ["UpdateAccount is not in ALL"]);

    let wanted = operation_rows(&source);
    assert_eq!(wanted[0], ["`CreateApiKey`", "`POST /apikeys`", "201"]);
    assert_eq!(
        differences(&wanted, &wanted[1..], "p"),
        ["p has no row | `CreateApiKey` | `POST /apikeys` | 201 |"]
    );
    let mut swapped = wanted.clone();
    swapped.swap(0, 1);
    assert_eq!(differences(&wanted, &swapped, "p"), ["p: the rows are in another order than the source's"]);

    let wanted = error_rows(&read(ERRORS));
    let mut wrong = wanted.clone();
    wrong[0][1] = "404".to_owned();
    assert_eq!(
        differences(&wanted, &wrong, "p"),
        ["p has no row | `BadRequestException` | 400 |", "p: nothing is | `BadRequestException` | 404 |"]
    );
}

#[test]
fn every_message_of_the_errors_page_is_in_the_sources() {
    let (page, wordings) = (read("docs/http-errors.md"), wordings());
    assert_eq!(unworded(&page, &wordings), NONE);
    for (message, is_there) in [
        ("API Key value should be at least {30} characters", true),
        ("API Key value should be at least {30} character.", false),
        ("Maximum number of API Keys is reached.", false),
        ("", false),
    ] {
        let page = format!("| Message | When |\n|---|---|\n| `{message}` | |\n");
        assert_eq!(unworded(&page, &wordings).is_empty(), is_there, "{message}");
    }
}

#[test]
fn every_setting_is_explained_to_operators() {
    let settings = settings(&read("crates/config/src/defaults.toml"));
    for known in ["control-listen", "master-key-file", "log"] {
        assert!(settings.iter().any(|name| name == known), "{known} is seen");
    }
    assert_eq!(untold(&settings, &read("docs/operations.md")), NONE);
}

#[test]
fn a_setting_that_is_not_explained_is_found() {
    let settings = settings("# How: a text = x\nshown = 1\n# hidden-one = \"2\"\n");
    assert_eq!(settings, ["shown", "hidden-one"]);
    assert_eq!(untold(&settings, "`--shown=3`, hidden-one, `hidden`"), ["hidden-one"]);
    assert_eq!(untold(&settings, "`shown`\n```\n`hidden-one`\n```\n"), ["hidden-one"]);
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    let pages = pages();
    assert!(
        pages.iter().any(|page| page.ends_with("README.md")) && pages.len() > 3,
        "pages are seen: {pages:?}"
    );
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page can be read");
        let folder = page.parent().expect("a page is in a folder");
        assert_eq!(broken_links(&text, folder), NONE, "{}", page.display());
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = "[a](docs/operations.md#settings) [b](https://example.com) [c](#here) [d](docs/nowhere.md) ![e](no.png)";
    assert_eq!(broken_links(page, root()), ["docs/nowhere.md", "no.png"]);
    assert_eq!(broken_links("[a](README.md)\n```\n[b](nowhere)\n```\n", root()), NONE);
}
