//! What is wrong in a policy and the files that it includes: all that can be told of one by itself.

use std::cell::RefCell;

use crate::limits::POLICY_ERRORS;
use crate::policy::schema::PolicyError;

/// The errors that were found, in the order in which they were. One is enough for the policy to be refused.
#[derive(Default)]
pub(super) struct Errors(RefCell<Vec<PolicyError>>);

impl Errors {
    /// Keeps what is wrong, so that the rest can still be looked at. What follows from an error that is kept already is
    /// that error, and is kept once.
    pub(super) fn kept<T>(&self, result: Result<T, PolicyError>) -> Option<T> {
        result.map_err(|error| self.keep(error)).ok()
    }

    /// As [`Errors::kept`], where the result is still needed.
    pub(super) fn note<T>(&self, result: &Result<T, PolicyError>) {
        if let Err(error) = result {
            self.keep(error.clone());
        }
    }

    /// As [`Errors::note`], of a part whose others are still to be looked at.
    pub(super) fn noted<T>(&self, result: Result<T, PolicyError>) -> Result<T, PolicyError> {
        self.note(&result);
        result
    }

    /// As [`Errors::kept`], for an error.
    pub(super) fn keep(&self, error: PolicyError) {
        let mut all = self.0.borrow_mut();
        if all.len() < POLICY_ERRORS && !all.contains(&error) {
            all.push(error);
        }
    }

    /// Whether as many were found as are told: nothing is looked at any more.
    pub(super) fn are_many(&self) -> bool {
        self.0.borrow().len() >= POLICY_ERRORS
    }

    /// The first that was found, if there is any.
    pub(super) fn first(&self) -> Option<PolicyError> {
        self.0.borrow().first().cloned()
    }

    /// All of them, those of the file `path` first, in the order of the file.
    pub(super) fn sorted(&self, path: &str) -> Vec<PolicyError> {
        let mut all = self.0.borrow().clone();
        let place = |it: &PolicyError| (it.path != path, it.path.clone(), it.line, it.column);
        all.sort_by_key(place);
        all
    }
}
