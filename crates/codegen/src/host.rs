//! The machine that code is made for: this one. Cranelift's settings, CPU features, errors, unwind information.

use crate::CodegenError;
use cranelift_codegen::isa::unwind::{UnwindInfo, systemv};
use cranelift_codegen::isa::{self, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CompiledCode, gimli};
use std::sync::OnceLock;

/// Cranelift's optimisation level: our passes optimise; its value numbering makes exits expensive (stack addresses of cold blocks live everywhere).
const OPT_LEVEL: &str = "none";
/// Its register allocator: the other one compiles twice as fast and its code is much slower.
const REGISTER_ALLOCATOR: &str = "backtracking";

fn make() -> Result<OwnedTargetIsa, CodegenError> {
    let bug = |error: &dyn std::fmt::Display| CodegenError::Bug(error.to_string());
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", OPT_LEVEL),
        ("regalloc_algorithm", REGISTER_ALLOCATOR),
        ("is_pic", "false"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ("enable_alias_analysis", "false"),
        ("enable_probestack", "false"),
        // perf and gdb walk through compiled code by its frame pointers.
        ("preserve_frame_pointers", "true"),
        ("unwind_info", "true"),
    ] {
        flags.set(name, value).map_err(|error| bug(&error))?;
    }
    let mut builder = isa::lookup(target_lexicon::Triple::host()).map_err(|error| CodegenError::Unsupported(format!("this machine ({error})")))?;
    for feature in cpu_features() {
        builder.enable(feature).map_err(|error| bug(&error))?;
    }
    builder.finish(settings::Flags::new(flags)).map_err(|error| bug(&error))
}

/// Cranelift's names of what this processor can do.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let rows = [
            ("has_sse3", std::is_x86_feature_detected!("sse3")),
            ("has_ssse3", std::is_x86_feature_detected!("ssse3")),
            ("has_sse41", std::is_x86_feature_detected!("sse4.1")),
            ("has_sse42", std::is_x86_feature_detected!("sse4.2")),
            ("has_avx", std::is_x86_feature_detected!("avx")),
            ("has_avx2", std::is_x86_feature_detected!("avx2")),
            ("has_fma", std::is_x86_feature_detected!("fma")),
            ("has_popcnt", std::is_x86_feature_detected!("popcnt")),
            ("has_bmi1", std::is_x86_feature_detected!("bmi1")),
            ("has_bmi2", std::is_x86_feature_detected!("bmi2")),
            ("has_lzcnt", std::is_x86_feature_detected!("lzcnt")),
        ];
        rows.into_iter().filter(|row| row.1).map(|row| row.0).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        Vec::new()
    }
}

/// The target, made once.
pub(crate) fn isa() -> Result<&'static dyn TargetIsa, CodegenError> {
    static ISA: OnceLock<Result<OwnedTargetIsa, CodegenError>> = OnceLock::new();
    let first = || {
        coachwhip_heap::outside_zone(|| {
            let isa = make()?;
            // Cranelift, too, makes some tables once, when something is compiled.
            crate::entry::make_trampoline(1, &*isa)?;
            Ok(isa)
        })
    };
    match ISA.get_or_init(first) {
        Ok(isa) => Ok(&**isa),
        Err(error) => Err(error.clone()),
    }
}

/// What an error of Cranelift means to us.
pub(crate) fn compile_error(error: &cranelift_codegen::CodegenError, text: &str) -> CodegenError {
    match error {
        cranelift_codegen::CodegenError::CodeTooLarge | cranelift_codegen::CodegenError::ImplLimitExceeded => CodegenError::TooBig,
        other => CodegenError::Bug(format!("{other:?}\n{text}")),
    }
}

/// A complete `.eh_frame` section for the code at address 0: whoever registers it relocates the address.
pub(crate) fn unwind_information(compiled: &CompiledCode, isa: &dyn TargetIsa) -> Result<Vec<u8>, CodegenError> {
    let bug = |error: &dyn std::fmt::Debug| CodegenError::Bug(format!("unwind information: {error:?}"));
    let Some(UnwindInfo::SystemV(information)) = compiled.create_unwind_info(isa).map_err(|error| bug(&error))? else {
        return Ok(Vec::new());
    };
    let Some(common) = isa.create_systemv_cie() else { return Ok(Vec::new()) };
    section(&information, common).map_err(|error| bug(&error))
}

fn section(information: &systemv::UnwindInfo, common: gimli::write::CommonInformationEntry) -> gimli::write::Result<Vec<u8>> {
    use gimli::write::{Address, EhFrame, EndianVec, FrameTable};
    let mut table = FrameTable::default();
    let common = table.add_cie(common);
    table.add_fde(common, information.to_fde(Address::Constant(0)));
    let mut writer = EhFrame(EndianVec::new(gimli::LittleEndian));
    table.write_eh_frame(&mut writer)?;
    Ok(writer.0.into_vec())
}
