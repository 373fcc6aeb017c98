use super::*;
use proptest::prelude::*;

/// A file given out in parts.
struct Parts(std::vec::IntoIter<Vec<u8>>);

impl Source for Parts {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        for part in self.0.by_ref() {
            if !part.is_empty() {
                *buffer = part;
                break;
            }
        }
        Ok(())
    }
}

fn reader(file: &[u8], cut: usize) -> CsvReader<Parts> {
    CsvReader::new(Parts(file.chunks(cut).map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter()))
}

/// All records; a record that is too large as one field `<too large>`.
fn read(file: &[u8], cut: usize) -> Vec<Vec<String>> {
    let mut reader = reader(file, cut);
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(match record {
            Record::Fields(fields) => {
                fields.trimmed().iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect()
            }
            Record::TooLarge => vec!["<too large>".to_owned()],
        });
    }
    records
}

fn one(record: &str) -> Vec<String> {
    let mut records = read(record.as_bytes(), 7);
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

#[test]
fn fields_are_trimmed_and_quotes_of_both_kinds_taken_off() {
    assert_eq!(one("a, b ,\tc"), ["a", "b", "c"]);
    assert_eq!(one(r#""a,b",'c,d',e"#), ["a,b", "c,d", "e"]);
    assert_eq!(one(r#"x, "a, b" , 'c, d' ,e"#), ["x", "a, b", "c, d", "e"]);
    assert_eq!(one(r#""say ""hi""", "say ""hi""", 'it''s'"#), ["say \"hi\"", "say \"hi\"", "it's"]);
    assert_eq!(one("'a,b,c',d"), ["a,b,c", "d"]);
    assert_eq!(one("''"), [""]);
}

#[test]
fn a_quote_that_never_closes_stands_for_itself() {
    assert_eq!(one("'tis,b"), ["'tis", "b"]);
    assert_eq!(one("',b"), ["'", "b"]);
    assert_eq!(one(r#"a b", "c"#), ["a b\"", "\"c"]);
    assert_eq!(one(r#""""hello""",b"#), ["\"hello\"", "b"]);
}

#[test]
fn a_record_full_of_quotes_that_never_close_is_read_in_linear_time() {
    let file = [b"'a,".repeat(MOST_FIELDS - 1), b"b,".to_vec(), vec![b'x'; MOST_BYTES / 2]].concat();
    assert_eq!(read(&file, 65_536)[0].len(), 1);
    let quotes = [b"'a,".repeat(MOST_FIELDS - 2), vec![b'\''; MOST_BYTES / 2], b"x".to_vec()].concat();
    assert_eq!(read(&quotes, 65_536)[0].len(), MOST_FIELDS - 1);
}

#[test]
fn every_end_of_line_ends_a_record_and_blank_lines_are_none() {
    assert_eq!(read(b"a\r\nb\nc\rd\r\n\r\n\n\n", 3), [["a"], ["b"], ["c"], ["d"]]);
    assert_eq!(read(b"\"a\r\nb\",c", 2), [["a\r\nb", "c"]]);
    assert!(read(b"", 1).is_empty());
}

#[test]
fn a_byte_order_mark_is_skipped_however_the_file_is_cut() {
    for cut in 1..8 {
        assert_eq!(read("\u{feff}\"Name\",Key\n".as_bytes(), cut), [["Name", "Key"]], "cuts of {cut}");
        let two = "\u{feff}\u{feff}Name,Key\n";
        assert_eq!(read(two.as_bytes(), cut), [["\u{feff}Name", "Key"]], "cuts of {cut}");
    }
}

#[test]
fn a_record_too_large_is_read_past_in_bounded_memory() {
    let mut file = vec![b'x'; 3 * MOST_BYTES];
    file.extend_from_slice(b",y\nsmall,record\n");
    file.extend(std::iter::repeat_n(b',', 2 * MOST_FIELDS));
    file.extend_from_slice(b"\nlast");
    let mut reader = reader(&file, 65_536);
    assert!(matches!(reader.next_record().unwrap(), Some(Record::TooLarge)));
    assert!(reader.text.len() <= MOST_BYTES && reader.ends.len() <= MOST_FIELDS);
    assert_eq!(read(&file, 65_536)[1..], [vec!["small", "record"], vec!["<too large>"], vec!["last"]]);
}

proptest! {
    #[test]
    fn any_bytes_give_the_same_records_however_they_are_cut(
        file in proptest::collection::vec(prop_oneof![
            4 => proptest::sample::select(b"a,\"'\r\n \xef\xbb\xbf".to_vec()), 1 => any::<u8>(),
        ], 0..200),
        cut in 1_usize..50,
    ) {
        prop_assert_eq!(read(&file, cut), read(&file, file.len().max(1)));
    }

    #[test]
    fn what_a_csv_writer_writes_is_read_back(
        records in proptest::collection::vec(proptest::collection::vec("[a-z,\"\r\n]{1,8}", 1..5), 1..5),
    ) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let lines = records.iter().map(|record| record.iter().map(quoted).collect::<Vec<_>>().join(","));
        let file = lines.collect::<Vec<_>>().join("\n");
        let trimmed: Vec<Vec<&str>> =
            records.iter().map(|record| record.iter().map(|field| field.trim_ascii()).collect()).collect();
        prop_assert_eq!(read(file.as_bytes(), 5), trimmed);
    }
}
