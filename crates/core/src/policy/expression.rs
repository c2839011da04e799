//! Conditions over what a trusted signer signed, in the Common Expression Language
//! (<https://github.com/google/cel-spec>).
//!
//! What an expression may cost is known when the policy is read: its length and depth are bounded, and within a
//! macro that goes through a list it can look at nothing but the element in hand, so that however large the document
//! is that somebody signs, each macro walks it once.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Env, Program, Value};
use serde::Serialize;

use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::{
    EXPRESSION_DEPTH, EXPRESSION_ELEMENTS, EXPRESSION_LENGTH, EXPRESSION_LOOPS, EXPRESSION_SUMS,
};
use crate::report::{Escaped, Reason, Refusal};

/// A condition, compiled.
#[derive(Clone)]
pub struct Expression {
    text: String,
    program: Arc<Program>,
}

/// A predicate in the form in which expressions look at it.
#[derive(Debug, Clone)]
pub struct Document(Result<Value, String>);

impl Document {
    /// Of a predicate as it was signed.
    pub fn of(predicate: &serde_json::Value) -> Self {
        Self(cel::to_value(predicate).map_err(|error| error.to_string()))
    }
}

/// What an expression can look at. Everything in it was signed by somebody whom the rule names, or was computed from
/// the file's own name and bytes.
#[derive(Debug)]
pub struct PredicateFacts<'a> {
    /// The predicate, as it was signed.
    pub predicate: &'a Document,
    /// The file.
    pub file: FileFacts,
    /// The Unix time by which it is judged, in seconds.
    pub now: i64,
    /// The earliest Unix time at which it was signed, in seconds, that a log or authority vouches for; 0 without one.
    pub signed: i64,
}

/// The file, by what its name and its bytes are.
#[derive(Debug, Serialize)]
pub struct FileFacts {
    name: String,
    project: String,
    version: String,
    kind: &'static str,
    sha256: String,
}

impl FileFacts {
    /// Its name, and what that says: the project and version, normalised, and whether it is a `wheel` or an `sdist`.
    pub fn of(file: &DistFilename, sha256: Sha256Digest) -> Self {
        Self {
            name: file.as_str().to_owned(),
            project: file.project().as_str().to_owned(),
            version: file.version().to_string(),
            kind: match file {
                DistFilename::Wheel(_) => "wheel",
                DistFilename::Sdist(_) => "sdist",
            },
            sha256: sha256.to_string(),
        }
    }
}

/// The names of [`PredicateFacts`].
const VARIABLES: [&str; 4] = ["predicate", "file", "now", "signed"];

/// What is called in the place of a macro, which goes through a list.
const LOOPS: &str = "`all`, `exists` and their like";

/// An expression that is refused when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is longer than the bound.
    #[error("an expression of {0} bytes; {EXPRESSION_LENGTH} are read")]
    Long(usize),
    /// It is not CEL.
    #[error("not an expression: {0}")]
    Malformed(String),
    /// It names something that it cannot look at.
    #[error("`{}` is nothing that an expression can look at: there are `predicate`, `file`, `now` and `signed`", Escaped(.0))]
    Unknown(String),
    /// It calls something that does not exist, or `matches`, whose patterns are not anchored.
    #[error(
        "`{}` cannot be called: there are the operators, `size`, `has`, `in`, `startsWith`, `endsWith`, `contains`, \
         `all`, `exists`, `exists_one` and the conversions", Escaped(.0)
    )]
    Function(String),
    /// Operators within operators.
    #[error("deeper than {EXPRESSION_DEPTH} operators in each other: say it in several conditions")]
    Deep,
    /// Too much is put together.
    #[error("`+` more than {EXPRESSION_SUMS} times")]
    Sums,
    /// Too many elements of lists and maps.
    #[error("more than {EXPRESSION_ELEMENTS} elements are written down")]
    Elements,
    /// An element that is called like something else.
    #[error("`{}` is a name of its own already: call the element otherwise", Escaped(.0))]
    Shadowed(String),
    /// Too many macros.
    #[error("{LOOPS} {0} times; {EXPRESSION_LOOPS} are read")]
    Loops(usize),
    /// A macro that looks at more than its element.
    #[error(
        "within {LOOPS}, only the element in hand can be looked at, and not `{}`: a large document would be walked \
         many times", Escaped(.0)
    )]
    LookedAside(String),
    /// It is the same whatever was signed, or a part of it decides that by itself.
    #[error("it asks nothing: what is written down as it is decides, and not what was signed")]
    Constant,
    /// A macro that makes a list, or goes through anything else than a part of the document.
    #[error(
        "only `all`, `exists` and `exists_one` go through lists, of a part of the document: `{0}`"
    )]
    Made(&'static str),
}

/// Everything that can be called, made once.
///
/// Without optional values, by which what is not there would hold.
static ENVIRONMENT: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// Operators, by the names that the parser gives them, and what it makes of macros.
const OPERATORS: [&str; 19] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
];

/// Operators of which one argument alone can decide: `… || true` always holds.
const DECIDING: [&str; 3] = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT];

/// Functions of the language that cost no more than their arguments' length.
const FUNCTIONS: [&str; 10] = [
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
];

impl Expression {
    /// Whether it holds of what was signed.
    ///
    /// # Errors
    /// [`Reason::ExpressionNotHeld`] where it is false, and [`Reason::ExpressionFailed`] where it has no value, as
    /// of a field that is not there, or one that is not true or false.
    pub fn judge(&self, facts: &PredicateFacts<'_>) -> Result<(), Refusal> {
        let refused = |reason, found: String| {
            Err(Refusal::new(reason).expected(self.text.clone()).found(found))
        };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        let read = cel::to_value(&facts.file).map_err(|error| error.to_string());
        let (predicate, file) = match (&facts.predicate.0, read) {
            (Ok(predicate), Ok(file)) => (predicate.clone(), file),
            (Err(error), _) => return refused(Reason::ExpressionFailed, clipped(error)),
            (_, Err(error)) => return refused(Reason::ExpressionFailed, clipped(&error)),
        };
        context.add_variable_from_value("predicate", predicate);
        context.add_variable_from_value("file", file);
        context.add_variable_from_value("now", facts.now);
        context.add_variable_from_value("signed", facts.signed);
        match self.program.execute(&context) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => refused(Reason::ExpressionNotHeld, "false".to_owned()),
            Ok(other) => {
                refused(Reason::ExpressionFailed, format!("a value of type {}", other.type_of()))
            }
            Err(error) => refused(Reason::ExpressionFailed, clipped(&error.to_string())),
        }
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(crate::limits::SHOWN_LENGTH).collect()
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > EXPRESSION_LENGTH {
            return Err(ExpressionError::Long(text.len()));
        }
        let program = ENVIRONMENT.compile(text).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().map(str::trim).find(|line| !line.is_empty());
            ExpressionError::Malformed(clipped(line.unwrap_or("it cannot be read")))
        })?;
        let mut walk = Walk { loops: 0, depth: 0, sums: 0, elements: 0, looks: false };
        walk.expression(program.expression(), &Scope::Document)?;
        if walk.loops > EXPRESSION_LOOPS {
            return Err(ExpressionError::Loops(walk.loops));
        }
        if !walk.looks {
            return Err(ExpressionError::Constant);
        }
        Ok(Self { text: text.to_owned(), program: Arc::new(program) })
    }
}

/// What can be looked at in some part of an expression.
enum Scope<'a> {
    /// Everything that there is.
    Document,
    /// Within a macro: its element, and what it has found so far.
    Element { element: &'a str, so_far: &'a str },
}

/// The reading of an expression for what it would cost.
struct Walk {
    loops: usize,
    /// Of what is being read.
    depth: usize,
    /// Of texts and lists, each of which is copied.
    sums: usize,
    /// Of lists and maps that are written down.
    elements: usize,
    /// Whether it looks at anything.
    looks: bool,
}

impl Walk {
    fn expression(
        &mut self,
        expression: &IdedExpr,
        scope: &Scope<'_>,
    ) -> Result<(), ExpressionError> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH {
            return Err(ExpressionError::Deep);
        }
        self.parts(expression, scope)?;
        self.depth -= 1;
        Ok(())
    }

    fn parts(&mut self, expression: &IdedExpr, scope: &Scope<'_>) -> Result<(), ExpressionError> {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                self.looks |= VARIABLES.contains(&name.as_str());
                identifier(name, scope)
            }
            Expr::Select(select) => self.expression(&select.operand, scope),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                if !OPERATORS.contains(&name) && !FUNCTIONS.contains(&name) {
                    return Err(ExpressionError::Function(name.to_owned()));
                }
                // Of what macros are made of there are some within them.
                let outside = matches!(scope, Scope::Document);
                let settled =
                    |it: &IdedExpr| matches!(it.expr, Expr::Literal(LiteralValue::Boolean(_)));
                if outside && DECIDING.contains(&name) && call.args.iter().any(settled) {
                    return Err(ExpressionError::Constant);
                }
                self.sums += usize::from(name == operators::ADD);
                if self.sums > EXPRESSION_SUMS {
                    return Err(ExpressionError::Sums);
                }
                let target = call.target.iter().map(|target| &**target);
                target.chain(&call.args).try_for_each(|it| self.expression(it, scope))
            }
            Expr::List(list) => {
                self.count(list.elements.len())?;
                list.elements.iter().try_for_each(|it| self.expression(it, scope))
            }
            Expr::Map(map) => {
                self.count(map.entries.len())?;
                map.entries.iter().try_for_each(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => self
                        .expression(&entry.key, scope)
                        .and_then(|()| self.expression(&entry.value, scope)),
                    EntryExpr::StructField(field) => self.expression(&field.value, scope),
                })
            }
            Expr::Struct(_) => Err(ExpressionError::Made("a message")),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, scope),
        }
    }

    /// Elements that are written down.
    fn count(&mut self, elements: usize) -> Result<(), ExpressionError> {
        self.elements += elements;
        match self.elements > EXPRESSION_ELEMENTS {
            true => Err(ExpressionError::Elements),
            false => Ok(()),
        }
    }

    fn comprehension(
        &mut self,
        it: &ComprehensionExpr,
        scope: &Scope<'_>,
    ) -> Result<(), ExpressionError> {
        self.loops += 1;
        // Of such a name it could not be told which of the two is meant.
        if VARIABLES.contains(&it.iter_var.as_str()) {
            return Err(ExpressionError::Shadowed(it.iter_var.clone()));
        }
        // `map` and `filter` begin with an empty list and copy it for each element.
        if !matches!(it.accu_init.expr, Expr::Literal(_)) {
            return Err(ExpressionError::Made("a macro that makes a list"));
        }
        // Within another one it goes through a part of the element, or the whole would be walked again for each.
        let Some(root) = part_of(&it.iter_range) else {
            return Err(ExpressionError::Made("a macro over something else"));
        };
        match scope {
            Scope::Element { element, .. } if root != *element => {
                return Err(ExpressionError::LookedAside(root.to_owned()));
            }
            _ => {}
        }
        self.expression(&it.iter_range, scope)?;
        let inner = Scope::Element { element: &it.iter_var, so_far: &it.accu_var };
        for part in [&it.loop_cond, &it.loop_step, &it.result] {
            self.expression(part, &inner)?;
        }
        Ok(())
    }
}

/// The name of what an expression is a part of: a name, and what is within it.
fn part_of(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Ident(name) => Some(name),
        Expr::Select(select) if !select.test => part_of(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => match &call.args[..] {
            [of, at] if matches!(at.expr, Expr::Literal(_)) => part_of(of),
            _ => None,
        },
        _ => None,
    }
}

fn identifier(name: &str, scope: &Scope<'_>) -> Result<(), ExpressionError> {
    match scope {
        Scope::Document if VARIABLES.contains(&name) => Ok(()),
        Scope::Element { element, so_far } if name == *element || name == *so_far => Ok(()),
        // What is of one size whatever was signed.
        Scope::Element { .. } if name != "predicate" && VARIABLES.contains(&name) => Ok(()),
        Scope::Element { .. } => Err(ExpressionError::LookedAside(name.to_owned())),
        Scope::Document => Err(ExpressionError::Unknown(name.to_owned())),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Eq for Expression {}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn judge(text: &str, predicate: &Json) -> Option<Reason> {
        let expression: Expression = text.parse().expect(text);
        let file = DistFilename::parse("demo-1.0-py3-none-any.whl").expect("a name");
        let file = FileFacts::of(&file, Sha256Digest::of(b""));
        let predicate = &Document::of(predicate);
        let facts = PredicateFacts { predicate, file, now: 1_000_000, signed: 900_000 };
        expression.judge(&facts).err().map(|refusal| refusal.reason)
    }

    fn error(text: &str) -> ExpressionError {
        text.parse::<Expression>().expect_err(text)
    }

    #[test]
    fn a_condition_holds_fails_or_has_no_value() {
        let predicate = json!({
            "result": "PASSED",
            "count": 3,
            "failedTests": [],
            "components": [{"name": "a", "licenses": ["MIT"]}, {"name": "b", "licenses": ["ISC"]}],
        });
        for held in [
            "predicate.result == 'PASSED'",
            "predicate.result == 'PASSED' && size(predicate.failedTests) == 0",
            "predicate.components.exists(c, c.name == 'b')",
            "predicate.components.all(c, c.licenses.all(l, l in ['MIT', 'ISC']))",
            "has(predicate.count) && predicate.count >= 3",
            "file.project == 'demo' && file.version == '1.0' && now - signed < 86400 * 30",
            "predicate['result'].startsWith('PASS')",
            "predicate.components[0].name == 'a'",
            "!has(predicate.nothing)",
        ] {
            assert_eq!(judge(held, &predicate), None, "{held}");
        }
        for not in ["predicate.result == 'FAILED'", "predicate.components.all(c, c.name == 'b')"] {
            assert_eq!(judge(not, &predicate), Some(Reason::ExpressionNotHeld), "{not}");
        }
        for none in [
            "predicate.nothing == 'PASSED'",
            "predicate.result",
            "predicate.result > 3",
            "predicate.count.all(c, c == 1)",
            "1 / (predicate.count - 3) == 1",
            "predicate.nothing.exists(c, true)",
            "predicate.components[7].name == 'a'",
        ] {
            assert_eq!(judge(none, &predicate), Some(Reason::ExpressionFailed), "{none}");
        }
    }

    #[test]
    fn what_cannot_be_judged_in_bounded_time_is_refused() {
        let long = format!("predicate.a == '{}'", "x".repeat(EXPRESSION_LENGTH));
        assert!(matches!(error(&long), ExpressionError::Long(_)));
        for text in ["", "predicate.", "predicate = 1", "'", "1 +"] {
            assert!(matches!(error(text), ExpressionError::Malformed(_)), "{text}");
        }
        let deep = format!("{}true{}", "(".repeat(1_000), ")".repeat(1_000));
        assert!(matches!(error(&deep), ExpressionError::Malformed(_)));
        for chain in [["1"; 2_000].join("-") + " == 1", format!("predicate{}", "[0]".repeat(1_300))]
        {
            assert!(matches!(error(&chain), ExpressionError::Deep), "{chain}");
        }
        let list = format!("predicate.a in [{}]", vec!["1"; EXPRESSION_ELEMENTS + 1].join(","));
        assert!(matches!(error(&list), ExpressionError::Elements));
        let sum = ["predicate.s"; EXPRESSION_SUMS + 2].join(" + ");
        assert!(matches!(error(&sum), ExpressionError::Sums));
        for name in VARIABLES {
            let text = format!("predicate.a.all({name}, {name}.all(x, true))");
            assert!(matches!(error(&text), ExpressionError::Shadowed(_)), "{text}");
        }
        for text in ["predicate.?a != 1", "predicate[?'a'] != 1", "predicate.l[?5] != 1"] {
            assert!(text.parse::<Expression>().is_err(), "{text}");
        }
        for text in ["env.HOME == ''", "predicates.a", "result"] {
            assert!(matches!(error(text), ExpressionError::Unknown(_)), "{text}");
        }
        for text in
            ["predicate.a.matches('a')", "matches(predicate.a, 'a')", "getenv('HOME') == ''"]
        {
            assert!(matches!(error(text), ExpressionError::Function(_)), "{text}");
        }
        for text in [
            "predicate.a.all(x, predicate.a.all(y, x == y))",
            "predicate.a.all(x, x in predicate.b)",
            "predicate.a.all(x, file.all(y, true))",
            "predicate.a.all(x, x.b.all(y, x.b.all(z, true)))",
            "predicate.a.all(x, x.b.all(y, y in x.c))",
        ] {
            assert!(matches!(error(text), ExpressionError::LookedAside(_)), "{text}");
        }
        for text in [
            "predicate.a.map(x, x.b) == []",
            "predicate.a.filter(x, x.b) == []",
            "[1, 2].all(x, x > 0)",
            "(predicate.a + predicate.a).all(x, x > 0)",
        ] {
            assert!(matches!(error(text), ExpressionError::Made(_)), "{text}");
        }
        for text in
            ["true", "1 == 1", "!false", "predicate.a == 1 || true", "true || predicate.a == 1"]
        {
            assert!(matches!(error(text), ExpressionError::Constant), "{text}");
        }
        let many = vec!["predicate.a.all(x, true)"; EXPRESSION_LOOPS + 1].join(" && ");
        assert!(matches!(error(&many), ExpressionError::Loops(_)));
    }

    #[test]
    fn a_large_document_is_walked_once_for_each_macro() {
        let document = json!({ "a": vec![json!({ "b": ["c", "d"] }); 100_000] });
        let held =
            "predicate.a.all(x, x.b.exists(y, y == 'd')) && predicate.a.exists(x, size(x.b) == 2)";
        assert_eq!(judge(held, &document), None);
        let not = "predicate.a.exists(x, x.b.all(y, y == 'd'))";
        assert_eq!(judge(not, &document), Some(Reason::ExpressionNotHeld));
    }
}
