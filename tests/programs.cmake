# Test programs that are more than a unit test. Each ends with a line `N passed, N failed`.

# Golden tests of messages: rule text in, exact errors and warnings out.
file(GLOB golden_errors CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/errors/*.test)
add_executable(golden_errors golden/run_errors.c)
target_link_libraries(golden_errors PRIVATE weir_rules weir_base weir_options)
add_test(NAME golden_errors COMMAND golden_errors ${golden_errors})


# Golden tests of matches: rules and events in, exact alerts out.
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/golden/run_golden.c)
  file(GLOB golden_matches CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/matches/*.test)
  add_executable(golden_matches golden/run_golden.c)
  target_link_libraries(golden_matches PRIVATE weir_engine weir_base weir_options)
  add_test(NAME golden_matches COMMAND golden_matches ${golden_matches})
endif()

# The judges: random cases against the reference matcher, properties, conformance vectors, failing allocations.
if(EXISTS ${CMAKE_SOURCE_DIR}/engine/weir.c)
  if(WEIR_SANITIZE)
    set(reference_cases 3000)
    set(property_cases 300)
  else()
    set(reference_cases 20000)
    set(property_cases 2000)
  endif()
  add_library(weir_judges STATIC reference/engine_side.c reference/generate.c reference/pattern_case.c
    reference/read_case.c reference/reference.c reference/shrink.c)
  target_link_libraries(weir_judges PUBLIC weir_engine weir_options PkgConfig::CJSON m)
  add_executable(run_reference reference/run_reference.c)
  add_executable(run_cases reference/run_cases.c)
  add_executable(run_property property/run_property.c)
  add_executable(run_flink conformance/run_flink.c)
  add_executable(run_alloc fault/run_alloc.c)
  target_link_libraries(run_reference PRIVATE weir_judges)
  target_link_libraries(run_cases PRIVATE weir_judges)
  target_link_libraries(run_property PRIVATE weir_judges weir_rules)
  target_link_libraries(run_flink PRIVATE weir_judges)
  target_link_libraries(run_alloc PRIVATE weir_engine)
  add_test(NAME reference_cases COMMAND run_cases WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_test(NAME reference_auto COMMAND run_reference --seed 1 --count ${reference_cases})
  add_test(NAME reference_runs COMMAND run_reference --seed 500001 --count ${reference_cases} --mode runs --index off)
  add_test(NAME reference_compact COMMAND run_reference --seed 900001 --count ${reference_cases} --mode compact)
  add_test(NAME property COMMAND run_property --seed 1 --count ${property_cases})
  add_test(NAME conformance_flink COMMAND run_flink WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_test(NAME fault_alloc COMMAND run_alloc)
endif()

# The program from outside: exit codes, streams, files, signals, terminals, help and completions.
if(TARGET weir AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/golden/cli/run.sh)
  add_test(NAME golden_cli COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/golden/cli/run.sh $<TARGET_FILE:weir>)
endif()

# The judge of counting: random counters and windows against a brute-force reference. See counting/README.md there.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND AND TARGET weir)
  add_test(NAME counting COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/counting/run_counting.py
    --seed 1 --count 250 --weir $<TARGET_FILE:weir> --golden $<TARGET_FILE:golden_matches>)
  add_test(NAME counting_same COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/counting/run_same.py
    --seed 1 --count 120 --weir $<TARGET_FILE:weir>)
endif()

# The docs: every example of the pages, the generated tables, the links. See docs/README.md there.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/docs/run_docs.py AND TARGET weir)
  add_executable(docs_limits_table docs/limits_table.c)
  target_link_libraries(docs_limits_table PRIVATE weir_base weir_options)
  add_test(NAME docs COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/docs/run_docs.py
    $<TARGET_FILE:weir> $<TARGET_FILE:docs_limits_table> ${CMAKE_SOURCE_DIR}/docs)
  add_test(NAME limits COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/docs/run_limits.py
    $<TARGET_FILE:weir> $<TARGET_FILE:docs_limits_table>)
endif()

# The rules of the house: includes, what the libraries call, opening comments. See house/README.md there.
if(Python3_FOUND AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/house/run_house.py)
  set(house_symbols)
  if(NOT WEIR_SANITIZE AND NOT WEIR_FUZZ)
    set(house_symbols --symbols $<TARGET_FILE:weir_base> $<TARGET_FILE:weir_nfa> $<TARGET_FILE:weir_rules>
      $<TARGET_FILE:weir_engine> $<TARGET_FILE:weir_adapters> $<TARGET_FILE:weir_cli>)
  endif()
  add_test(NAME house COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/house/run_house.py ${CMAKE_SOURCE_DIR}
    ${house_symbols})
endif()

# The fraud example: its rules, its sample, its alerts, and the page that walks a newcomer through it.
if(Python3_FOUND AND TARGET weir AND EXISTS ${CMAKE_SOURCE_DIR}/examples/fraud/generate.c)
  set(run_example ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/example/run_example.py)
  add_test(NAME example_fraud COMMAND ${run_example} $<TARGET_FILE:weir> $<TARGET_FILE:fraud_generate> ${CMAKE_SOURCE_DIR})
  if(NOT WEIR_SANITIZE) # nearly a million events: some twenty seconds without sanitizers
    add_test(NAME example_fraud_real COMMAND ${run_example} --real $<TARGET_FILE:weir> $<TARGET_FILE:fraud_generate> ${CMAKE_SOURCE_DIR})
  endif()
endif()

# Models that the XGBoost library trained, its results against ours. Skipped where Python has no xgboost.
if(Python3_FOUND)
  add_executable(model_side model/model_side.c)
  target_link_libraries(model_side PRIVATE weir_base weir_options)
  add_test(NAME model_xgboost COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/model/run_model.py
    $<TARGET_FILE:model_side>)
endif()
