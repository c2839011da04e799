//! What a rule asks of building a file again.

use std::collections::BTreeSet;

use super::signers::Signers;
use crate::compare::RebuildOutcome;
use crate::digest::Sha256Digest;
use crate::report::{Reason, Refusal, Status};

/// `rebuild`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildRule {
    /// Of which files it is asked.
    pub when: When,
    /// Under which normalisers, by name and version, a rebuilt file that is equivalent is taken as well; none without
    /// them.
    pub normalizers: BTreeSet<String>,
    /// Whose signed results count in place of a rebuild here.
    pub rebuilders: Option<Rebuilders>,
    /// `allow-inconclusive-unsafe`: take a file of which the rebuild here showed nothing.
    pub inconclusive: bool,
}

/// Of which files a rebuild is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Of none: provenance suffices.
    Never,
    /// Of some, chosen by their digest: those that fall below this share of 2^64.
    Sampled(u64),
    /// Of all.
    Always,
}

impl When {
    /// Of a share of the files, more than none and fewer than all.
    pub fn sampled(share: f64) -> Option<Self> {
        let all = 2f64.powi(64);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 2^64, and rounded towards more"
        )]
        (share > 0.0 && share < 1.0).then(|| Self::Sampled((share * all).ceil() as u64))
    }
}

/// Those whose signed results count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilders {
    /// Who they are.
    pub signers: Signers,
    /// How many different ones must have got what the rule takes.
    pub at_least: usize,
}

impl RebuildRule {
    /// Nothing is built again.
    pub const NEVER: Self = Self {
        when: When::Never,
        normalizers: BTreeSet::new(),
        rebuilders: None,
        inconclusive: false,
    };

    /// What two policies that both ask for a rebuild take together: what each of them takes.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            when: When::Always,
            normalizers: self.normalizers.intersection(&other.normalizers).cloned().collect(),
            rebuilders: None,
            inconclusive: self.inconclusive && other.inconclusive,
        }
    }

    /// Whether a rebuild is asked of a file.
    ///
    /// Which files a share stands for follows from their digest and the policy's, so that it is the same on every
    /// machine, and whoever makes a file cannot try until it is left out without knowing the policy's every byte.
    pub fn asks(&self, file: Sha256Digest, policy: Sha256Digest) -> bool {
        match self.when {
            When::Never => false,
            When::Always => true,
            When::Sampled(share) => {
                let both = Sha256Digest::of(format!("{policy} {file}").as_bytes()).to_string();
                u64::from_str_radix(&both[..16], 16).is_ok_and(|place| place < share)
            }
        }
    }

    /// Whether the rule takes what a rebuild showed.
    pub fn takes(&self, outcome: &RebuildOutcome) -> bool {
        match outcome {
            RebuildOutcome::Identical => true,
            RebuildOutcome::Equivalent { normalizers, copied } => {
                copied.is_empty()
                    && !normalizers.is_empty()
                    && normalizers.iter().all(|it| self.normalizers.contains(it))
            }
            RebuildOutcome::Inconclusive { .. } => self.inconclusive,
            RebuildOutcome::Different { .. } | RebuildOutcome::BuildFailed { .. } => false,
        }
    }

    /// Judges a rebuild that was made here; `made` says whether it gave a file.
    pub fn judge(&self, outcome: &RebuildOutcome, made: bool) -> Status {
        let (reason, found) = match outcome {
            RebuildOutcome::Identical => return Status::Passed(Some("identical".to_owned())),
            RebuildOutcome::Equivalent { normalizers, .. } => {
                let found = format!("equivalent under {}, not identical", normalizers.join(", "));
                (Reason::RebuildNotIdentical, found)
            }
            RebuildOutcome::BuildFailed { .. } => {
                (Reason::RebuildFailed, "a build that failed".to_owned())
            }
            RebuildOutcome::Inconclusive { .. } if !made => {
                (Reason::RebuildNotMade, "no rebuild".to_owned())
            }
            RebuildOutcome::Inconclusive { .. } => {
                (Reason::RebuildInconclusive, "other bytes, from another environment".to_owned())
            }
            RebuildOutcome::Different { .. } => {
                (Reason::RebuildNotIdentical, "different".to_owned())
            }
        };
        if self.takes(outcome) {
            return Status::Passed(Some(found));
        }
        let also = self.normalizers.iter().map(|it| format!("or equivalent under {it}"));
        Status::Failed(Refusal::new(reason).expected("identical").expected_all(also).found(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_files_is_asked_for_and_the_same_ones_each_time() {
        let rule = |share: f64| RebuildRule { when: sampled(share), ..RebuildRule::NEVER };
        let digest = |number: u32| Sha256Digest::of(&number.to_be_bytes());
        let policy = Sha256Digest::of(b"policy");
        let asked = |share: f64, policy| {
            (0..4_000).filter(|it| rule(share).asks(digest(*it), policy)).collect::<Vec<_>>()
        };
        let tenth = asked(0.1, policy);
        assert!((300..500).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, asked(0.1, policy));
        assert!(tenth.iter().all(|it| asked(0.5, policy).contains(it)));
        assert_ne!(tenth, asked(0.1, Sha256Digest::of(b"another policy")));
    }

    fn sampled(share: f64) -> When {
        When::sampled(share).expect("a share")
    }

    #[test]
    fn shares_are_between_none_and_all() {
        for wrong in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(When::sampled(wrong), None, "{wrong}");
        }
        assert!(When::sampled(0.999_999).is_some() && When::sampled(1e-9).is_some());
    }

    #[test]
    fn only_what_is_named_is_taken_beside_identical() {
        let equivalent = |normalizers: &[&str], copied: &[&str]| RebuildOutcome::Equivalent {
            normalizers: normalizers.iter().map(|it| (*it).to_owned()).collect(),
            copied: copied.iter().map(|it| (*it).to_owned()).collect(),
        };
        let rule = RebuildRule {
            when: When::Always,
            normalizers: ["zip-order/1".to_owned()].into(),
            ..RebuildRule::NEVER
        };
        assert!(rule.takes(&RebuildOutcome::Identical));
        assert!(rule.takes(&equivalent(&["zip-order/1"], &[])));
        assert!(!rule.takes(&equivalent(&["zip-order/1", "zip-times/1"], &[])));
        assert!(!rule.takes(&equivalent(&["zip-order/1"], &["clock"])));
        assert!(!RebuildRule::NEVER.takes(&equivalent(&["zip-order/1"], &[])));
        let nothing = RebuildOutcome::Inconclusive { cause: String::new() };
        assert!(!rule.takes(&nothing));
        assert!(RebuildRule { inconclusive: true, ..rule.clone() }.takes(&nothing));
        let other = RebuildOutcome::Different { diffs: Vec::new() };
        assert!(!RebuildRule { inconclusive: true, ..rule }.takes(&other));
    }
}
