//! Writes the seeds of a fuzz target into a folder: TARGET FOLDER.
#![allow(clippy::expect_used, reason = "a tool of the tests")]

use std::path::PathBuf;
use std::{env, fs};

use wheelmark_tests::seeds;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else {
        panic!("usage: fuzz_seeds TARGET FOLDER");
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (index, seed) in seeds::of(target).iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).expect("the seed can be written");
    }
}
