#pragma once

#include "runtime/options.h"

namespace cigli {

// One function a command, each in a file of its own name; returns the exit code (0; 3 when some rows of a batch
// failed). Errors are thrown.
int run_data_synth(const Arguments& arguments);
int run_data_import(const Arguments& arguments);
int run_data_pack(const Arguments& arguments);
int run_data_curate(const Arguments& arguments);
int run_data_check(const Arguments& arguments);
int run_train(const Arguments& arguments);
int run_distill(const Arguments& arguments);
int run_generate(const Arguments& arguments);
int run_control(const Arguments& arguments);
int run_compare(const Arguments& arguments);
int run_export(const Arguments& arguments);
int run_evaluate_reference(const Arguments& arguments);
int run_evaluate_scorer(const Arguments& arguments);
int run_evaluate(const Arguments& arguments);
int run_study_plan(const Arguments& arguments);
int run_study_text(const Arguments& arguments);
int run_study_export(const Arguments& arguments);
int run_study_check(const Arguments& arguments);
int run_study_score(const Arguments& arguments);
int run_bench(const Arguments& arguments);
int run_serve(const Arguments& arguments);
int run_tax(const Arguments& arguments);
int run_tokenize(const Arguments& arguments);
int run_inspect(const Arguments& arguments);

}  // namespace cigli
