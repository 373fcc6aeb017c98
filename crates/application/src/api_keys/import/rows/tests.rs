use super::*;

struct Whole(Vec<u8>);

impl Source for Whole {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        *buffer = std::mem::take(&mut self.0);
        Ok(())
    }
}

const VALUE: &str = "abcdef1234ghijklmnop0123456789";

fn open(file: &str) -> Result<RowReader<Whole>, FileProblem> {
    RowReader::open(Whole(file.as_bytes().to_vec()), RowRules::new(MinValueLength::default()))
}

fn first_row(file: &[u8], rules: RowRules) -> Result<Row, String> {
    let mut rows = RowReader::open(Whole(file.to_vec()), rules).unwrap();
    let (number, row) = rows
        .next_row(|cells, rules| {
            let checked = cells.check(rules);
            let row = cells.row(rules);
            assert_eq!(checked.as_ref().err(), row.as_ref().err(), "both readings say the same");
            row
        })
        .unwrap()
        .unwrap();
    assert_eq!(number, 1);
    row.map_err(|problem| problem.to_string())
}

fn one(file: &[u8]) -> Result<(String, ImportedFields), String> {
    let row = first_row(file, RowRules::new(MinValueLength::default()))?;
    Ok((row.value.reveal().to_owned(), row.fields))
}

#[test]
fn columns_are_found_by_name_in_any_order_case_and_with_blanks() {
    let file = format!(" eNabled ,unknown, KEY,description,name\n tRuE, x, {VALUE} ,says , who\n");
    let (value, fields) = one(file.as_bytes()).unwrap();
    assert_eq!(value, VALUE);
    assert_eq!(fields.name.unwrap().as_str(), "who");
    assert_eq!(fields.description.unwrap().as_str(), "says");
    assert_eq!(fields.enabled, Some(true));
}

#[test]
fn an_absent_column_and_an_empty_or_missing_cell_say_nothing() {
    for file in [
        "Name,Key\n,V",
        "Name,Key,Description,Enabled,UsagePlanIds\n,V,,,\n",
        "Name,Key,Description,Enabled\n,V",
    ] {
        let (_, fields) = one(file.replace('V', VALUE).as_bytes()).unwrap();
        assert_eq!(fields, ImportedFields::default());
    }
}

#[test]
fn a_header_without_name_or_key_or_with_a_column_twice_is_refused() {
    let refused = |file: &str| open(file).err().unwrap().to_string();
    assert_eq!(refused(""), "Missing required column 'Key'");
    assert_eq!(refused("name\n"), "Missing required column 'Key'");
    assert_eq!(refused("Key,Nam\n"), "Missing required column 'Name'");
    assert_eq!(refused("file.csv"), "Missing required column 'Key'");
    assert_eq!(refused("Key,Name, kEY\n"), "Column 'Key' is specified more than once");
}

#[test]
fn each_problem_of_a_row_has_its_own_words() {
    let problem =
        |row: &str| one(format!("Name,Key,Description,Enabled,UsagePlanIds\n{row}").as_bytes()).unwrap_err();
    assert_eq!(problem("n,short"), "API Key value should be at least 30 characters");
    assert_eq!(
        problem(&format!("n,{}", "v".repeat(129))),
        "API Key value exceeds maximum size of 128 characters"
    );
    assert_eq!(
        problem(&format!("{},{VALUE}", "n".repeat(1_025))),
        "Invalid API Key name, can be at most 1024 characters."
    );
    assert_eq!(
        problem(&format!("n,{VALUE},d,maybe")),
        "Invalid value 'maybe' specified for column 'Enabled', must be true or false"
    );
    assert_eq!(problem(&format!("n,{VALUE},d,true,n37 1pt")), "Invalid Usage Plan ID specified");
    let many: Vec<_> = (0..=1_000).map(|plan| format!("p{plan}")).collect();
    assert_eq!(
        problem(&format!("n,{VALUE},d,true,\"{}\"", many.join(","))),
        "The record names more than 1000 usage plans"
    );
    assert_eq!(problem(&format!("n\0,{VALUE}")), "The record must not contain NUL");
    let not_utf8 = [b"Name,Key\n\xff,".to_vec(), VALUE.into()].concat();
    assert_eq!(one(&not_utf8).unwrap_err(), "The record is not valid UTF-8");
}

#[test]
fn a_value_that_strays_into_another_column_is_never_told_whole() {
    let row = format!("Name,Key,Enabled\nn,{VALUE},{VALUE}");
    let told = one(row.as_bytes()).unwrap_err();
    assert!(told.contains("'abcdef1234gh...'") && !told.contains(VALUE), "{told}");
}

#[test]
fn rows_are_counted_from_one_and_blank_lines_are_not() {
    let mut rows = open(&format!("Name,Key\n\n\na,{VALUE}1\r\n\r\nb,x\nc,{VALUE}2\n\n")).unwrap();
    let mut seen = Vec::new();
    while let Some((number, row)) = rows.next_row(|cells, rules| cells.row(rules)).unwrap() {
        seen.push((number, row.is_ok()));
    }
    assert_eq!(seen, [(1, true), (2, false), (3, true)]);
}

#[test]
fn plans_are_parted_by_commas_within_quotes_of_either_kind() {
    let plans = |cell: &str, rules: RowRules| {
        let file = format!("Name,UsagePlanIds,Key\nn,{cell},{VALUE}");
        let row = first_row(file.as_bytes(), rules)?;
        Ok::<_, String>(row.plans.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>())
    };
    let known = ["n371pt", "u1"].map(|id| UsagePlanId::parse(id).unwrap());
    for rules in
        [RowRules::new(MinValueLength::default()), RowRules::new(MinValueLength::default()).with_plans(known)]
    {
        for (cell, expected) in [
            ("", &[][..]),
            (" n371pt", &["n371pt"]),
            ("\"u1,n371pt\"", &["u1", "n371pt"]),
            ("'u1,n371pt'", &["u1", "n371pt"]),
            (" ' u1 ,\tn371pt ' ", &["u1", "n371pt"]),
            ("\"u1,,u1, n371pt,\"", &["u1", "n371pt"]),
            ("\" , \"", &[]),
        ] {
            assert_eq!(plans(cell, rules.clone()).unwrap(), expected, "{cell}");
        }
    }
    let rules = RowRules::new(MinValueLength::default()).with_plans([UsagePlanId::parse("u1").unwrap()]);
    for unknown in ["U1", "'u1,u2'", "u"] {
        assert_eq!(
            plans(unknown, rules.clone()).unwrap_err(),
            "Invalid Usage Plan ID specified",
            "{unknown}"
        );
    }
}
