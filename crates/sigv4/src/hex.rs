//! Lower-case hexadecimal of 32 bytes, the form of every hash and signature here.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn encode(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// The bytes of exactly 64 lower-case digits.
pub(crate) fn decode(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let bytes: [u8; 32] = std::array::from_fn(|at| (at * 37) as u8);
        let text = encode(&bytes);
        assert_eq!(decode(&text), Some(bytes));
        assert_eq!(&text[..8], b"00254a6f");
        assert_eq!(decode(&text[..62]), None);
        assert_eq!(decode(&text.to_ascii_uppercase()), None);
        let mut odd = text;
        odd[63] = b'g';
        assert_eq!(decode(&odd), None);
    }
}
