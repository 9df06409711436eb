# Compiler options for every target of ours. Third-party headers come in as SYSTEM, so that warnings there are not ours.

# A build that was configured without ccache goes on without it: with it, everything would be compiled again.
if(NOT DEFINED CACHE{RINGSIDE_CCACHE})
    find_program(RINGSIDE_CCACHE ccache)
endif()
if(RINGSIDE_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${RINGSIDE_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${RINGSIDE_CCACHE})
endif()

# Lines and names of functions, for a backtrace of the monitor; the preset debug has variables, too. They would take a
# third of the time that this build takes.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
if(RINGSIDE_SANITIZE)
    set(CMAKE_CXX_FLAGS_DEBUG "-g1")
endif()

find_package(Threads REQUIRED)

add_library(ringside_options INTERFACE)
target_include_directories(ringside_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(ringside_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
target_link_libraries(ringside_options INTERFACE Threads::Threads)

# On the interface and not on the directory, so that the guests, which are kernels, are never instrumented.
if(RINGSIDE_SANITIZE)
    target_compile_options(ringside_options INTERFACE
        -fsanitize=${RINGSIDE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(ringside_options INTERFACE -fsanitize=${RINGSIDE_SANITIZE})
    # GCC warns that ThreadSanitizer does not see fences. Asio's stand beside locks that it does see.
    if(RINGSIDE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        target_compile_options(ringside_options INTERFACE -Wno-tsan)
    endif()
endif()
if(RINGSIDE_COVERAGE)
    target_compile_options(ringside_options INTERFACE --coverage)
    target_link_options(ringside_options INTERFACE --coverage)
endif()
if(RINGSIDE_FUZZ)
    target_compile_options(ringside_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(RINGSIDE_STATIC)
    target_link_options(ringside_options INTERFACE -static)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/precompiled.cmake)
set(precompiled_headers
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <filesystem> <fstream> <functional> <limits> <map>
    <memory> <mutex> <optional> <ranges> <span> <string> <string_view> <thread> <utility> <variant> <vector> <fmt/format.h>
    <tl/expected.hpp>)
ringside_precompiled(ringside_headers
    HEADERS ${precompiled_headers}
    DEPENDS ringside_expected ringside_fmt)

# ringside_library(NAME SOURCES... [DEPENDS TARGETS...]): one folder, one static library, its dependencies spelled out.
function(ringside_library name)
    cmake_parse_arguments(LIB "" "" "SOURCES;DEPENDS" ${ARGN})
    add_library(${name} STATIC ${LIB_SOURCES})
    target_link_libraries(${name} PUBLIC ringside_options ${LIB_DEPENDS})
    if(RINGSIDE_UNITY)
        # With more files at once, one of two processors has nothing to do at the end.
        set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    endif()
    ringside_use_precompiled(${name} ringside_headers)
endfunction()
