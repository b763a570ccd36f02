//! One compilation: capture with the GIL held, then a pure function from facts to machine code.

use coachwhip_abi::facts::Facts;
use coachwhip_abi::ir::EntryKind;
use coachwhip_abi::options::Options;
use coachwhip_abi::recipe::MachineCode;
use coachwhip_codegen::{GenerateOptions, disassemble, generate};
use coachwhip_compiler::build::BuildOptions;
use coachwhip_compiler::opt::PassOptions;
use coachwhip_compiler::pipeline;
use coachwhip_cpython::capture::{self, CaptureRequest, EntryCells, OwnedReferences};
use coachwhip_runtime::{self as runtime, Dependencies, DictDependency, FunctionDependency, Reservation};
use pyo3_ffi::PyObject;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A function, for calls.
    Call,
    /// A loop of a frame that waits.
    Loop { frame: usize, offset: u32, stack_depth: u32 },
}

/// A compilation to be done.
pub(super) struct Job {
    /// The qualified name.
    pub name: String,
    /// `file:line:name`
    pub place: String,
    function: usize,
    code: usize,
    kind: Kind,
    facts: Facts,
    owned: Held,
    dependencies: Dependencies,
    reservation: Reservation,
    detachable: bool,
    options: Options,
    /// When it was asked for.
    pub(super) submitted: Instant,
}

/// The references of a job. They can be taken from it while it runs, for it touches no Python object.
pub(super) type Held = Arc<Mutex<Option<OwnedReferences>>>;

/// A compilation that is done.
pub(super) struct Done {
    pub function: usize,
    pub code: usize,
    pub kind: Kind,
    /// The machine code, or why there is none.
    pub outcome: Result<MachineCode, String>,
    /// Keeps everything alive that facts and dependencies name; empty if the program has ended meanwhile.
    pub owned: Held,
    pub dependencies: Dependencies,
    pub reservation: Reservation,
    /// How long it took.
    pub nanoseconds: u64,
    /// What was asked for by `COACHWHIP_DUMP`.
    pub text: String,
}

struct Cells;

/// Whether some function named `__getitem__` has been captured.
static GETITEM_COMPILED: AtomicBool = AtomicBool::new(false);

impl EntryCells for Cells {
    fn entry_cell(&self, code: *mut PyObject) -> usize {
        // SAFETY: capture calls with the GIL held and live code objects.
        unsafe { runtime::entry_cell(code.cast()) }
    }

    fn is_unstable(&self, dict: usize, name: &str) -> bool {
        runtime::is_unstable_name(dict, name)
    }

    fn is_unstable_class(&self, class: usize) -> bool {
        runtime::is_unstable_class(class)
    }

    fn has_hooked_getitem(&self) -> bool {
        GETITEM_COMPILED.load(Ordering::Relaxed)
    }

    fn is_own_allocator(&self, address: usize) -> bool {
        runtime::is_own_allocator(address)
    }
}

impl Job {
    /// Captures the facts.
    ///
    /// # Errors
    /// Why it cannot be compiled.
    ///
    /// # Safety
    /// The GIL is held; `function` is a live function over `code`; the frame of a loop waits in a monitoring callback.
    pub(super) unsafe fn capture(function: *mut PyObject, code: *mut PyObject, kind: Kind, options: &Options) -> Result<Job, String> {
        let entry = match kind {
            Kind::Call => capture::Entry::Call,
            Kind::Loop { frame, .. } => capture::Entry::Loop(frame as *mut _),
        };
        // SAFETY: the caller's promise.
        let captured = unsafe {
            let refuted = runtime::refuted(code.cast());
            capture::capture(&CaptureRequest { function, entry, refuted, seen: runtime::seen_classes(code.cast()) }, &Cells)?
        };
        let facts = captured.facts;
        let root = facts.codes.first().ok_or("no code was captured")?;
        if root.qualname.ends_with(".__getitem__") {
            GETITEM_COMPILED.store(true, Ordering::Relaxed);
        }
        if root.instructions.len() as u64 > options.size_limit {
            return Err(format!("more than {} bytecode instructions", options.size_limit));
        }
        // Installed code must not keep its own code object and the function it was made for: neither would ever die. It names the function only where the
        // facts do; the code object lives as long as somebody can call it.
        let is_named = |address: usize| {
            facts.objects.iter().any(|object| object.address == address) || captured.dependencies.functions.iter().any(|row| row.function == address)
        };
        let mut objects = captured.owned.addresses();
        // Namespaces say when they die (`on_dict_event`). A reference to the function's own would make a cycle that the garbage collector cannot see.
        let is_namespace = |address: usize| captured.dependencies.names.iter().any(|row| row.dict == address);
        objects.retain(|&address| address != code as usize && (is_named(address) || (address != function as usize && !is_namespace(address))));
        let functions = captured
            .dependencies
            .functions
            .iter()
            .map(|row| FunctionDependency { function: row.function, code: row.code, defaults: row.defaults, kwdefaults: row.keyword_defaults })
            .collect();
        let dependencies = Dependencies {
            objects,
            dicts: captured.dependencies.names.iter().map(|row| DictDependency { dict: row.dict, key: row.key, value: row.value }).collect(),
            types: captured.dependencies.classes.iter().map(|row| (row.class, row.version)).collect(),
            functions,
            namespaces: captured.dependencies.namespaces,
            callees: captured.dependencies.callees,
            listened_to: captured.dependencies.listened_to,
        };
        Ok(Job {
            name: root.qualname.clone(),
            place: format!("{}:{}:{}", root.filename, root.first_line, root.qualname),
            function: function as usize,
            code: code as usize,
            kind,
            owned: Arc::new(Mutex::new(Some(captured.owned))),
            dependencies,
            reservation: Reservation::new(),
            detachable: runtime::are_frames_detachable(),
            submitted: Instant::now(),
            options: options.clone(),
            facts,
        })
    }

    /// The references that it holds.
    pub(super) fn held(&self) -> &Held {
        &self.owned
    }

    /// How much work it is, roughly.
    pub(super) fn size(&self) -> usize {
        self.facts.codes.iter().map(|code| code.instructions.len()).sum()
    }

    /// Compiles. No Python object is touched; what it needs on the way is freed at its end.
    pub(super) fn run(self) -> Done {
        let start = Instant::now();
        let made = coachwhip_heap::in_zone(|| {
            let mut text = String::new();
            (self.generate(&mut text), text)
        });
        let (outcome, text) = made.unwrap_or_else(|| (Err("there is no memory to compile it with".to_owned()), String::new()));
        let mut dependencies = self.dependencies;
        if let Ok(machine) = &outcome {
            // What only looked as if it would be used is not held.
            let codes: Vec<usize> = self.facts.codes.iter().map(|code| code.address).collect();
            dependencies.retain_objects(|address| machine.objects.binary_search(&address).is_ok() || codes.contains(&address));
        }
        if !text.is_empty() && self.options.dump == super::current_options().dump {
            eprint!("{text}");
        }
        Done {
            function: self.function,
            code: self.code,
            kind: self.kind,
            outcome,
            owned: self.owned,
            dependencies,
            reservation: self.reservation,
            nanoseconds: u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
            text,
        }
    }

    fn generate(&self, text: &mut String) -> Result<MachineCode, String> {
        let options = &self.options;
        let wanted: Vec<&str> = options.dump.split(',').map(str::trim).filter(|what| !what.is_empty()).collect();
        let wants = |what: &str| wanted.contains(&what);
        let environment = runtime::environment().ok_or("the runtime is not started")?;
        let kind = match self.kind {
            Kind::Call => EntryKind::Call { parameters: self.facts.codes[0].parameter_count() },
            Kind::Loop { offset, stack_depth, .. } => EntryKind::Loop { offset, stack_depth },
        };
        let title = |text: &mut String, what: &str| {
            let _ = writeln!(text, "; ---- {what} of {} ({kind:?}) ----", self.place);
        };
        if wants("bytecode") {
            title(text, "bytecode");
            for (instruction, feedback) in &self.facts.codes[0].instructions {
                let _ = writeln!(text, "{:5} {:26} {:6}  {feedback:?}", instruction.offset, instruction.op.name(), instruction.argument);
            }
        }
        if wants("facts") {
            title(text, "facts");
            let _ = writeln!(text, "{}", coachwhip_abi::facts_text::facts_text(&self.facts));
        }
        let build = BuildOptions { exit_where_cold: options.threshold >= super::WARM_THRESHOLD, inline: true };
        let mut stages: Vec<(String, String)> = Vec::new();
        let mut record = |name: &str, function: &coachwhip_abi::ir::Function| {
            if wanted.iter().any(|what| what.strip_prefix("ir:").is_some_and(|stage| stage == name || stage == "all")) {
                stages.push((name.to_owned(), function.to_string()));
            }
        };
        let mut passes = PassOptions {
            disabled: options.disable_passes.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
            fuel: (options.fuel != 0).then_some(options.fuel),
            verify: options.verify || cfg!(debug_assertions),
            dump: Some(&mut record),
        };
        let compiled = pipeline::compile(&self.facts, kind, build, &mut passes);
        for (name, listing) in stages {
            title(text, &format!("IR after {name}"));
            text.push_str(&listing);
        }
        let (function, _report) = compiled.map_err(|error| error.to_string())?;
        if wants("ir") {
            title(text, "IR");
            let _ = writeln!(text, "{function}");
        }
        let generate_options = GenerateOptions {
            header: self.reservation.address(),
            namespaces: self.dependencies.namespaces,
            want_clif: wants("clif"),
            detachable: self.detachable,
            stress_exits: options.stress_exits,
            seed: options.seed,
        };
        let machine = generate(&function, &self.facts, environment, &generate_options).map_err(|error| error.to_string())?;
        if let Some(clif) = &machine.clif {
            title(text, "Cranelift IR");
            text.push_str(clif);
        }
        if wants("recipes") {
            title(text, "recipes");
            for (number, recipe) in machine.recipes.iter().enumerate() {
                let _ = writeln!(text, "{number}: {recipe:?}");
            }
        }
        if wants("asm") {
            title(text, "machine code");
            text.push_str(&disassemble(&machine, &|_| None));
        }
        Ok(machine)
    }
}

/// Whether a name matches a pattern with `*` and `?` as in a shell.
pub(super) fn matches_pattern(pattern: &str, name: &str) -> bool {
    fn matches(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
            Some(('?', rest)) => !name.is_empty() && matches(rest, &name[1..]),
            Some((character, rest)) => name.first() == Some(character) && matches(rest, &name[1..]),
        }
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    matches(&pattern, &name)
}
