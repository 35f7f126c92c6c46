# The shell scripts that run on proxy hosts, as C++ string literals. Lines that are only a comment are left
# out: the scripts travel with every command.
foreach(script common observe switch settle drain)
  set(file ${CMAKE_CURRENT_LIST_DIR}/${script}.sh)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(REGEX REPLACE "(^|\n)([ \t]*#[^\n]*\n)+" "\\1" script_${script} "${text}")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/scripts.hpp.in ${CMAKE_CURRENT_BINARY_DIR}/proxy/scripts.hpp @ONLY)
target_include_directories(bgdeploy_proxy PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/proxy)
