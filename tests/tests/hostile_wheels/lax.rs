//! DEFLATE streams that RFC 1951 does not allow and that some inflaters take nevertheless, each in its own
//! way: a wheel that has one holds for one reader what it does not for another.

/// What the stream is, the stream, and what `libdeflate` makes of it.
pub type Lax = (&'static str, Vec<u8>, Vec<u8>);

pub fn streams() -> Vec<Lax> {
    vec![
        ("length-symbol-286", length_symbol(0b1100_0110), vec![b'x'; 259]),
        ("length-symbol-287", length_symbol(0b1100_0111), vec![b'x'; 259]),
        ("distance-symbol-30", distance_symbol(30), vec![b'x'; FAR + 3]),
        ("distance-symbol-31", distance_symbol(31), vec![b'x'; FAR + 3]),
        ("distance-code-of-one-other-bit", incomplete_distances(1, 1), vec![b'x'; 4]),
        ("distance-code-of-none", incomplete_distances(0, 1), vec![b'x'; 4]),
    ]
}

/// The same stream as the incomplete ones, with the one distance it defines.
pub fn strict() -> Lax {
    ("distance-code-of-one", incomplete_distances(1, 0), vec![b'x'; 4])
}

/// 3.2.6, fixed codes: so many of `x`, the length 4 at a distance of 8, the end.
pub fn eight_back(literals: usize) -> Vec<u8> {
    let mut bits = Bits::fixed();
    for _ in 0..literals {
        bits.code(u32::from(b'x') + 0x30, 8);
    }
    bits.code(2, 7).code(5, 5).number(1, 1).code(0, 7);
    bits.bytes
}

/// The distance that those take the symbols 30 and 31 for.
const FAR: usize = 24_577;

/// 3.2.6, fixed codes: `x`, a symbol of lengths of eight bits, the distance 1, the end.
fn length_symbol(code: u32) -> Vec<u8> {
    let mut bits = Bits::fixed();
    bits.code(u32::from(b'x') + 0x30, 8).code(code, 8).code(0, 5).code(0, 7);
    bits.bytes
}

/// 3.2.6: many of `x`, the length 3, a symbol of distances, the end.
fn distance_symbol(symbol: u32) -> Vec<u8> {
    let mut bits = Bits::fixed();
    for _ in 0..FAR {
        bits.code(u32::from(b'x') + 0x30, 8);
    }
    bits.code(1, 7).code(symbol, 5).number(0, 13).code(0, 7);
    bits.bytes
}

/// 3.2.7, codes of its own: `x`, the length 3, one bit for the distance, the end. The only symbol of distances
/// has a code of `length` bits.
fn incomplete_distances(length: u32, distance: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with codes of its own; codes for 259 literals and lengths, 1 distance, 18 lengths.
    bits.number(1, 1).number(2, 2).number(2, 5).number(0, 5).number(14, 4);
    // Lengths of the codes of 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        bits.number(if [0, 1, 2, 18].contains(&symbol) { 2 } else { 0 }, 3);
    }
    // Canonical: 0 is 00, 1 is 01, 2 is 10, 18 is 11, whose number tells how often a zero repeats, less 11.
    let (one_zero, one, two, zeros) = (0b00, 0b01, 0b10, 0b11);
    bits.code(zeros, 2).number(120 - 11, 7).code(two, 2);
    bits.code(zeros, 2).number(135 - 11, 7).code(two, 2).code(two, 2).code(two, 2);
    bits.code(if length == 0 { one_zero } else { one }, 2);
    // `x` is 00, the end 01, the length 3 10.
    bits.code(0b00, 2).code(0b10, 2).code(distance, 1).code(0b01, 2);
    bits.bytes
}

/// 3.1.1: bits fill bytes from the lowest on; numbers start with their lowest bit, codes with their highest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    /// The last block, with fixed codes.
    fn fixed() -> Self {
        let mut bits = Self::default();
        bits.number(1, 1).number(1, 2);
        bits
    }

    fn number(&mut self, value: u32, length: usize) -> &mut Self {
        for bit in 0..length {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> bit & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
        self
    }

    fn code(&mut self, value: u32, length: usize) -> &mut Self {
        self.number(value.reverse_bits() >> (32 - length), length)
    }
}
