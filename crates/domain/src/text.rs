//! Newtypes over bounded text, all with the same few methods.

/// A text with at most so many characters (Unicode scalar values), none of them NUL.
pub(crate) fn fits(text: &str, most: usize) -> bool {
    // The byte length bounds the number of characters from above, and is known without counting.
    (text.len() <= most || text.chars().count() <= most) && !text.contains('\0')
}

/// 1 to 128 characters of `[A-Za-z0-9_-]`.
pub(crate) fn is_identifier(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Gives a newtype over `Box<str>` its reading side: `as_str`, `Display`, `Debug`, `AsRef`.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_newtype;
