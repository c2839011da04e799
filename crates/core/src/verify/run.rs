//! The making of checks, one after the other: what depends on one that failed says so.

use crate::report::{Check, CheckName, Refusal, Status};

/// The result of a step, or the check whose failure keeps what depends on it from being made.
pub(super) type Step<'a, T> = Result<T, &'a CheckName>;

/// The checks made so far.
#[derive(Default)]
pub(super) struct Run {
    pub(super) checks: Vec<Check>,
}

impl Run {
    /// Makes a check that gives something for later ones to build upon.
    pub(super) fn check<I, T>(
        &mut self,
        name: CheckName,
        input: Step<'_, I>,
        make: impl FnOnce(I) -> Result<T, Refusal>,
    ) -> Result<T, CheckName> {
        let (status, result) = match input.map(make) {
            Ok(Ok(value)) => (Status::Passed(None), Ok(value)),
            Ok(Err(refusal)) => (Status::Failed(refusal), Err(name)),
            Err(because) => (Status::NotRun(*because), Err(*because)),
        };
        self.checks.push(Check { name, status });
        result
    }

    /// The same of something that need not be there: what was not asked for, nothing is asked of.
    pub(super) fn check_if<I, T>(
        &mut self,
        name: CheckName,
        input: Step<'_, Option<I>>,
        make: impl FnOnce(I) -> Result<T, Refusal>,
    ) -> Result<Option<T>, CheckName> {
        match input {
            Ok(None) => {
                self.checks.push(Check { name, status: Status::NotRequired });
                Ok(None)
            }
            Ok(Some(input)) => self.check(name, Ok(input), make).map(Some),
            Err(because) => self.check(name, Err(because), make).map(Some),
        }
    }

    /// Says what the check just made found, if it held.
    pub(super) fn says(&mut self, found: Option<String>) {
        if let Some(Check { status: Status::Passed(said), .. }) = self.checks.last_mut() {
            *said = found;
        }
    }

    /// Says that the check just made, which held, had nothing to look at.
    pub(super) fn says_nothing(&mut self) {
        if let Some(Check { status: status @ Status::Passed(_), .. }) = self.checks.last_mut() {
            *status = Status::NotRequired;
        }
    }

    /// As [`Run::judge`] of something that need not be there.
    pub(super) fn judge_if<I>(
        &mut self,
        name: CheckName,
        input: Step<'_, Option<I>>,
        make: impl FnOnce(I) -> Status,
    ) {
        self.judge(name, input, |input| input.map_or(Status::NotRequired, make));
    }

    /// Leaves out the checks from one to another, which is not among them: nothing asks for them.
    pub(super) fn not_asked(&mut self, from: CheckName, until: CheckName) {
        let names = CheckName::ALL.iter().filter(|name| (from..until).contains(*name));
        let not_asked = |name: &CheckName| Check { name: *name, status: Status::NotRequired };
        self.checks.extend(names.map(not_asked));
    }

    /// Makes a check on which nothing depends.
    pub(super) fn judge<I>(
        &mut self,
        name: CheckName,
        input: Step<'_, I>,
        make: impl FnOnce(I) -> Status,
    ) {
        let status = input.map_or_else(|because| Status::NotRun(*because), make);
        self.checks.push(Check { name, status });
    }
}

/// Two steps' results, or the first failure.
pub(super) fn both<'a, A, B>(a: Step<'a, A>, b: Step<'a, B>) -> Step<'a, (A, B)> {
    Ok((a?, b?))
}

/// The same of something that need not be there.
pub(super) fn both_if<'a, A, B>(
    a: Step<'a, Option<A>>,
    b: Step<'a, B>,
) -> Step<'a, Option<(A, B)>> {
    match (a, b) {
        (Ok(None), _) => Ok(None),
        (Ok(Some(a)), b) => b.map(|b| Some((a, b))),
        (Err(because), _) => Err(because),
    }
}
