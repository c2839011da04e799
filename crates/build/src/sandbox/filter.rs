//! A filter of system calls (seccomp(2)) under which no process can make a user namespace.
//!
//! In a new user namespace anybody has every capability over it, and with them more of the kernel's code to
//! try. A job of a plain user is in a user namespace already, where bubblewrap 0.8 and newer forbid further
//! ones. As root there is none in which that could be said without saying it to the whole machine: there,
//! and under an older bubblewrap, the job gets this filter. It looks at nothing else.

/// `CLONE_NEWUSER` of `<linux/sched.h>`.
const NEW_USER: u32 = 0x1000_0000;

/// What a call fails with: EPERM where it asks for a user namespace; ENOSYS for `clone3`, whose flags a
/// filter cannot see and without which every C library falls back to `clone`, and for tables of system
/// calls that this filter does not know.
const REFUSED: u32 = 0x0005_0000 | 1;
const UNKNOWN: u32 = 0x0005_0000 | 38;
const ALLOWED: u32 = 0x7fff_0000;

/// The number of `clone3` is the same everywhere.
const CLONE3: u32 = 435;

/// One table of system calls that the kernel offers.
struct Table {
    /// `AUDIT_ARCH_…` of `<linux/audit.h>`.
    architecture: u32,
    clone: u32,
    unshare: u32,
    /// Numbers from here on are another table's.
    end: u32,
}

/// The tables of a machine, the one for 32-bit programs too. All of these are little-endian.
fn tables(architecture: &str) -> &'static [Table] {
    const ALL: u32 = u32::MAX;
    match architecture {
        "x86_64" => &[
            // From there on x32's.
            Table { architecture: 0xc000_003e, clone: 56, unshare: 272, end: 0x4000_0000 },
            Table { architecture: 0x4000_0003, clone: 120, unshare: 310, end: ALL },
        ],
        "aarch64" => &[
            Table { architecture: 0xc000_00b7, clone: 220, unshare: 97, end: ALL },
            Table { architecture: 0x4000_0028, clone: 120, unshare: 337, end: ALL },
        ],
        "riscv64" => &[Table { architecture: 0xc000_00f3, clone: 220, unshare: 97, end: ALL }],
        _ => &[],
    }
}

/// The filter as `bwrap --seccomp` reads it; nothing where this machine's system calls are not known here.
pub(super) fn no_user_namespaces() -> Option<Vec<u8>> {
    let tables = tables(std::env::consts::ARCH);
    (!tables.is_empty()).then(|| program(tables).iter().flat_map(Instruction::bytes).collect())
}

/// One instruction of the classic packet filter: an operation, how many instructions to skip where a
/// comparison holds and where it does not, and a number.
#[derive(Clone, Copy)]
struct Instruction(u16, u8, u8, u32);

impl Instruction {
    fn bytes(&self) -> [u8; 8] {
        let (operation, number) = (self.0.to_ne_bytes(), self.3.to_ne_bytes());
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&operation);
        bytes[2..4].copy_from_slice(&[self.1, self.2]);
        bytes[4..].copy_from_slice(&number);
        bytes
    }
}

fn program(tables: &[Table]) -> Vec<Instruction> {
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const AT_LEAST: u16 = 0x35;
    const ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    // Of `struct seccomp_data`.
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    const FIRST_ARGUMENT: u32 = 16;
    let mut program = vec![Instruction(LOAD, 0, 0, ARCHITECTURE)];
    for table in tables {
        program.extend([
            Instruction(EQUAL, 0, 11, table.architecture),
            Instruction(LOAD, 0, 0, NUMBER),
            Instruction(AT_LEAST, 7, 0, table.end),
            Instruction(EQUAL, 6, 0, CLONE3),
            Instruction(EQUAL, 2, 0, table.unshare),
            Instruction(EQUAL, 1, 0, table.clone),
            Instruction(RETURN, 0, 0, ALLOWED),
            Instruction(LOAD, 0, 0, FIRST_ARGUMENT),
            Instruction(ANY_BIT, 2, 0, NEW_USER),
            Instruction(RETURN, 0, 0, ALLOWED),
            Instruction(RETURN, 0, 0, UNKNOWN),
            Instruction(RETURN, 0, 0, REFUSED),
        ]);
    }
    program.push(Instruction(RETURN, 0, 0, UNKNOWN));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers to a call, by the kernel's rules.
    fn answer(architecture: u32, number: u32, argument: u32) -> u32 {
        let program = program(tables("x86_64"));
        let (mut at, mut loaded) = (0, 0);
        loop {
            let Instruction(operation, holds, fails, value) = program[at];
            let mut skip = |condition| at += usize::from(if condition { holds } else { fails });
            match operation {
                0x20 => {
                    loaded = match value {
                        0 => number,
                        4 => architecture,
                        _ => argument,
                    }
                }
                0x15 => skip(loaded == value),
                0x35 => skip(loaded >= value),
                0x45 => skip(loaded & value != 0),
                _ => return value,
            }
            at += 1;
        }
    }

    #[test]
    fn only_what_makes_a_user_namespace_is_refused() {
        const X86_64: u32 = 0xc000_003e;
        const I386: u32 = 0x4000_0003;
        for (architecture, number, argument, expected) in [
            (X86_64, 1, NEW_USER, ALLOWED),
            (X86_64, 56, 17, ALLOWED),
            (X86_64, 56, NEW_USER | 17, REFUSED),
            (X86_64, 272, 0x0002_0000, ALLOWED),
            (X86_64, 272, 0x0002_0000 | NEW_USER, REFUSED),
            (X86_64, CLONE3, 0, UNKNOWN),
            // x32.
            (X86_64, 0x4000_0000 + 272, NEW_USER, UNKNOWN),
            (I386, 4, NEW_USER, ALLOWED),
            (I386, 120, NEW_USER, REFUSED),
            (I386, 310, NEW_USER, REFUSED),
            (I386, CLONE3, 0, UNKNOWN),
            (0xc000_00b7, 1, 0, UNKNOWN),
        ] {
            assert_eq!(answer(architecture, number, argument), expected, "{number}");
        }
    }
}
