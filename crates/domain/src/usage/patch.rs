//! Changes to usage, as UpdateUsage takes them.

use crate::api_keys::PatchOperation;

/// One change that the usage of a key can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsagePatch {
    /// Sets what is left of the running period.
    Remaining(u32),
}

/// Why an operation is not a change of usage.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsagePatch {
    /// None of the four.
    #[error("Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'")]
    Operation,
    /// The path is not open to the operation. Two blanks after "path" are AWS's.
    #[error("Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{allowed}]")]
    Path {
        /// The path as given.
        path: String,
        /// The operation.
        op: &'static str,
        /// What it can be applied to.
        allowed: &'static str,
    },
    /// The operation needs a value.
    #[error("Invalid patch operation specified. The op 'replace' needs a value")]
    ValueMissing,
    /// Negative, or no integer.
    #[error("Invalid remaining quota specified: must be an integer from 0 to 2147483647")]
    Remaining,
    /// The plan has no quota of which anything could remain.
    #[error("Invalid remaining quota specified: the usage plan has no quota")]
    NoQuota,
}

impl UsagePatch {
    /// Reads one operation.
    pub fn parse(operation: PatchOperation<'_>) -> Result<Self, InvalidUsagePatch> {
        let path = operation.path.unwrap_or_default();
        let refused = |op, allowed| Err(InvalidUsagePatch::Path { path: path.to_owned(), op, allowed });
        match operation.op {
            Some("replace") if path == "/remaining" => {
                let value = operation.value.ok_or(InvalidUsagePatch::ValueMissing)?;
                let remaining: i32 = value.parse().map_err(|_| InvalidUsagePatch::Remaining)?;
                u32::try_from(remaining).map(Self::Remaining).map_err(|_| InvalidUsagePatch::Remaining)
            }
            Some("replace") => refused("replace", "/remaining"),
            Some("add") => refused("add", ""),
            Some("remove") => refused("remove", ""),
            Some("copy") => refused("copy", ""),
            Some(_) | None => Err(InvalidUsagePatch::Operation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(op: &str, path: &str, value: Option<&str>) -> Result<UsagePatch, InvalidUsagePatch> {
        UsagePatch::parse(PatchOperation { op: Some(op), path: Some(path), value })
    }

    #[test]
    fn what_is_left_is_an_integer_of_awss_models() {
        for (text, number) in [("0", 0), ("10", 10), ("2147483647", 2_147_483_647)] {
            assert_eq!(parse("replace", "/remaining", Some(text)), Ok(UsagePatch::Remaining(number)));
        }
        for wrong in ["", "-1", "2147483648", "ten", "1.0", "1e3", " 1", "0x1", "99999999999999999999"] {
            let read = parse("replace", "/remaining", Some(wrong));
            assert_eq!(read, Err(InvalidUsagePatch::Remaining), "{wrong}");
        }
        assert_eq!(parse("replace", "/remaining", None), Err(InvalidUsagePatch::ValueMissing));
    }

    #[test]
    fn nothing_else_of_usage_can_be_changed() {
        let text = |read: Result<UsagePatch, InvalidUsagePatch>| read.unwrap_err().to_string();
        assert_eq!(
            text(parse("replace", "/used", Some("1"))),
            "Invalid patch path  '/used' specified for op 'replace'. Must be one of: [/remaining]"
        );
        for op in ["add", "remove", "copy"] {
            assert_eq!(
                text(parse(op, "/remaining", Some("1"))),
                format!("Invalid patch path  '/remaining' specified for op '{op}'. Must be one of: []")
            );
        }
        assert_eq!(parse("test", "/remaining", Some("1")), Err(InvalidUsagePatch::Operation));
        let none = PatchOperation { op: None, path: Some("/remaining"), value: Some("1") };
        assert_eq!(UsagePatch::parse(none), Err(InvalidUsagePatch::Operation));
    }
}
